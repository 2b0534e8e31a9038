/** A product page in Vue: the price line, the chosen plan, and the checkout in a dialog. */
import { openCheckout } from '@fenqi/js';
import { defineComponent, ref } from 'vue';

/** For templates that are compiled in advance, the same stands in the options of the Vue plugin of your bundler. */
export const compilerOptions = { isCustomElement: (tag: string) => tag.startsWith('fenqi-') };

export const ProductPage = defineComponent({
  props: {
    amount: { type: Number, required: true },
    gateway: { type: String, required: true },
    publishableKey: { type: String, required: true },
    /** Ask your server, which creates the checkout with the Python SDK, for its `url`. */
    createCheckout: { type: Function, required: true },
  },
  setup(props) {
    const term = ref<number>();
    const status = ref('');
    const select = (event: CustomEvent<{ term?: number }>) => (term.value = event.detail.term);
    const pay = async () => {
      const result = await openCheckout({ url: await props.createCheckout(term.value), mode: 'modal' });
      status.value = result.status; // what to show next; whether it is paid, your server knows
    };
    return { term, status, select, pay };
  },
  template: `
    <main>
      <fenqi-message :amount="amount" :publishable-key="publishableKey" :gateway="gateway" locale="zh-CN"
                     @fenqi:select="select">
        <a :href="gateway + '/plans?key=' + publishableKey + '&amount=' + amount">分期付款方案</a>
      </fenqi-message>
      <button @click="pay">{{ term ? '分 ' + term + ' 期付款' : '分期付款' }}</button>
      <output>{{ status }}</output>
    </main>`,
});

/** A product page in React: the price line, the chosen plan, and the checkout in a dialog. */
import { openCheckout } from '@fenqi/js';
import '@fenqi/js/react';
import { useEffect, useRef, useState } from 'react';

interface Props {
  amount: number;
  gateway: string;
  publishableKey: string;
  /** Ask your server, which creates the checkout with the Python SDK, for its `url`. */
  createCheckout: (term: number | undefined) => Promise<string>;
}

export function ProductPage({ amount, gateway, publishableKey, createCheckout }: Props) {
  const message = useRef<HTMLElement>(null);
  const [term, setTerm] = useState<number>();
  const [status, setStatus] = useState('');

  useEffect(() => {
    const select = (event: Event) => setTerm((event as CustomEvent<{ term?: number }>).detail.term);
    const element = message.current;
    element?.addEventListener('fenqi:select', select);
    return () => element?.removeEventListener('fenqi:select', select);
  }, []);

  const pay = async () => {
    const result = await openCheckout({ url: await createCheckout(term), mode: 'modal' });
    setStatus(result.status); // what to show next; whether it is paid, your server knows
  };

  return (
    <main>
      <fenqi-message ref={message} amount={amount} publishable-key={publishableKey} gateway={gateway} locale="zh-CN">
        <a href={`${gateway}/plans?key=${publishableKey}&amount=${amount}`}>分期付款方案</a>
      </fenqi-message>
      <button onClick={pay}>{term ? `分 ${term} 期付款` : '分期付款'}</button>
      <output>{status}</output>
    </main>
  );
}

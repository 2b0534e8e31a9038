/**
 * Every text a shopper reads; `#` takes a value. The catalogues below follow this order; a test keeps both whole and
 * every text in use. Numbers instead of names save 7 % of the file that each shopper loads.
 */
export const enum Text {
  Money,
  Brand,
  Months,
  Each,
  First,
  Last,
  Rate,
  Free,
  See,
  Plans,
  Price,
  Total,
  Interest,
  Fee,
  Schedule,
  Number,
  Due,
  Principal,
  Cost,
  Payment,
  Choose,
  Chosen,
  Close,
  Below,
  Above,
  None,
  Full,
  Least,
  Note,
}

const zh = [
  /* Money */ '¥#',
  /* Brand */ '分期付款',
  /* Months */ '# 期',
  /* Each */ '每期 ',
  /* First */ '首期 #',
  /* Last */ '末期 #',
  /* Rate */ '年化利率（单利）',
  /* Free */ '免息',
  /* See */ '查看方案',
  /* Plans */ '分期付款方案',
  /* Price */ '商品金额 #',
  /* Total */ '应还总额',
  /* Interest */ '利息',
  /* Fee */ '手续费',
  /* Schedule */ '还款计划',
  /* Number */ '期',
  /* Due */ '还款日',
  /* Principal */ '本金',
  /* Cost */ '息费',
  /* Payment */ '应还',
  /* Choose */ '选择 #',
  /* Chosen */ '已选 #',
  /* Close */ '关闭',
  /* Below */ '满 # 可用分期付款',
  /* Above */ '# 以内可用分期付款',
  /* None */ '此金额暂不支持分期付款',
  /* Full */ '一次付清',
  /* Least */ '总费用最少，比一次付清多 #',
  /* Note */ '年化利率（单利）按剩余本金计算，含利息和手续费。还款日以放款日为准。贷款以持牌机构审批结果为准。请合理借贷。',
];

const en = [
  /* Money */ 'CN¥#',
  /* Brand */ 'Pay in instalments',
  /* Months */ '# months',
  /* Each */ 'Monthly ',
  /* First */ 'first #',
  /* Last */ 'last #',
  /* Rate */ 'Annual rate (simple) ',
  /* Free */ 'interest-free',
  /* See */ 'See plans',
  /* Plans */ 'Instalment plans',
  /* Price */ 'Price #',
  /* Total */ 'Total to repay',
  /* Interest */ 'Interest',
  /* Fee */ 'Fees',
  /* Schedule */ 'Schedule',
  /* Number */ 'No.',
  /* Due */ 'Due',
  /* Principal */ 'Principal',
  /* Cost */ 'Cost',
  /* Payment */ 'Payment',
  /* Choose */ 'Choose #',
  /* Chosen */ 'Chosen: #',
  /* Close */ 'Close',
  /* Below */ 'Instalments from #',
  /* Above */ 'Instalments up to #',
  /* None */ 'No instalments for this amount',
  /* Full */ 'Pay in full',
  /* Least */ 'Costs least: # more than paying in full',
  /* Note */ 'Annual rate (simple): interest and fees on outstanding principal. Due dates follow the drawdown. A licensed lender decides. Borrow responsibly.',
];

export const catalogs = { 'zh-CN': zh, en };

export type Locale = keyof typeof catalogs;

/** Says a text of the catalogue in one language. */
export type Say = (text: Text, value?: string | number) => string;

export const speaker =
  (locale: Locale): Say =>
  (text, value) =>
    catalogs[locale][text]!.replace('#', `${value}`);

/** The page's language: `<html lang>`, then the browser's. */
export const pageLocale = (): Locale =>
  /^zh/i.test(document.documentElement.lang || navigator.language) ? 'zh-CN' : 'en';

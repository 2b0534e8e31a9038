import { Text, type Say } from './catalog.js';

/** `599900` fen as `¥5,999.00` (zh-CN) or `CN¥5,999.00` (en): exact, always two decimals. */
export const yuan = (say: Say, fen: number): string =>
  say(Text.Money, (fen / 100).toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ','));

/** A yearly rate such as 0.1800060335 as `18.00%`, half up for the ten decimals of the API; nothing is `0%`. */
export const percent = (rate: number): string => (rate ? `${(rate * 100 + 1e-9).toFixed(2)}%` : '0%');

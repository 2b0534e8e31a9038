/** The elements in JSX: `import '@fenqi/js/react'` once. There is nothing to run in it. */
import type { DetailedHTMLProps, HTMLAttributes } from 'react';

type Props<Own> = DetailedHTMLProps<HTMLAttributes<HTMLElement>, HTMLElement> & Own;

interface Shared {
  amount?: number | string;
  locale?: 'zh-CN' | 'en';
  theme?: 'light' | 'dark' | 'auto';
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'fenqi-message': Props<
        Shared & {
          amount: number | string;
          'publishable-key': string;
          gateway?: string;
          terms?: string;
          variant?: 'text' | 'badge' | 'cards';
          'when-ineligible'?: 'explain' | 'hide' | 'link';
          category?: string;
        }
      >;
      'fenqi-button': Props<Shared & { term?: number | string; disabled?: boolean }>;
    }
  }
}

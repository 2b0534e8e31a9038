/** The text of a file, set in by the build. */
declare module '*?raw' {
  const text: string;
  export default text;
}

/** The version of this package, set in by the build. */
declare const FENQI_VERSION: string;

/** The `integrity` of the file with the dialog of a checkout, set in by the build. */
declare const FENQI_MODAL: string;

/** True in the file that `<script src>` loads, false in the module that merchants bundle. */
declare const FENQI_STANDALONE: boolean;

/** The two modules of jsonc-parser that reading needs; its main module also builds tables for formatting, at every start. */
declare module "jsonc-parser/lib/esm/impl/parser.js" {
  export { findNodeAtLocation, parseTree } from "jsonc-parser";
}

declare module "jsonc-parser/lib/esm/impl/scanner.js" {
  export { createScanner } from "jsonc-parser";
}

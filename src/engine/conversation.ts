/** What a run with a model is made of, in one piece, so that it is loaded only for one. */
export { runChild } from "./child.ts";
export { converse, resumeConversation } from "./converse.ts";

/** What an engine throws: a word for the page, a line for people. */
export class EngineError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

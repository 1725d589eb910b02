// Which engine the page runs on: the one in this browser.
export { createEngine } from "./engine-onnx.js";

/** Small files that are read again when they change. */

import { readFileSync, statSync } from "node:fs";
import type { FileText } from "./platform.js";

export function fileText(path: string): FileText {
  let seen = "";
  let text = "";
  return {
    read() {
      const { mtimeMs, size, ino } = statSync(path);
      const state = `${mtimeMs} ${size} ${ino}`;
      if (state !== seen) {
        text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)).trim();
        seen = state;
      }
      return text;
    },
  };
}

// Sends a listing of tools, JSON on stdin, through the Google provider of the Vercel AI SDK; prints what would be sent.
import { readFileSync } from "node:fs";
import { createGoogleGenerativeAI } from "@ai-sdk/google";

const tools = JSON.parse(readFileSync(0));
let sent;
const answer = { candidates: [{ content: { parts: [{ text: "done" }], role: "model" }, finishReason: "STOP" }] };
const google = createGoogleGenerativeAI({
  apiKey: "none",
  fetch: async (url, request) => {
    sent = JSON.parse(request.body);
    return Response.json(answer);
  },
});
await google("gemini-2.5-flash").doGenerate({
  prompt: [{ role: "user", content: [{ type: "text", text: "hello" }] }],
  tools: tools.map(({ name, description, inputSchema }) => ({ type: "function", name, description, inputSchema })),
});
console.log(JSON.stringify(sent.tools.functionDeclarations ?? sent.tools[0].functionDeclarations));

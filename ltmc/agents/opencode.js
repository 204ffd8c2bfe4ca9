// Tells LTMC what happens in a session, and puts what it recalls before the prompt. Written by `ltmc install`.
import { spawn } from "node:child_process"

const COMMAND = []

// Run a hook and return what it tells. Whatever fails, the session goes on.
const told = (event, name, session, folder, more) =>
  new Promise((done) => {
    const [program, ...start] = COMMAND
    const options = { stdio: ["pipe", "pipe", "ignore"], timeout: 10_000, windowsHide: true }
    const child = spawn(program, [...start, "hook", event, "--agent", "opencode"], options)
    let said = ""
    child.on("error", () => done(""))
    child.stdin.on("error", () => {})
    child.stdout.on("data", (part) => (said += part))
    child.on("close", () => {
      try {
        done(JSON.parse(said).hookSpecificOutput.additionalContext)
      } catch {
        done("")
      }
    })
    child.stdin.end(JSON.stringify({ hook_event_name: name, session_id: session, cwd: folder, ...more }))
  })

export const LTMC = async ({ directory }) => {
  const started = new Map() // how the brief of each session is asked for next: null if it was told
  const helpers = new Set() // sessions that an agent began, not a person
  const answers = new Map()
  const tell = (event, name, session, more) =>
    told(event, name, session, directory, more).catch(() => "")
  return {
    "chat.message": async ({ sessionID }, { message, parts }) => {
      if (helpers.has(sessionID)) return
      const prompt = parts.filter((part) => part.type === "text" && !part.synthetic).map((part) => part.text)
      const event = started.has(sessionID) ? started.get(sessionID) : "start"
      started.set(sessionID, null)
      const found = [
        event ? await tell(event, "SessionStart", sessionID) : "",
        await tell("prompt", "UserPromptSubmit", sessionID, { prompt: prompt.join("\n") }),
      ]
      const text = found.filter(Boolean).join("\n\n")
      const about = { sessionID, messageID: message.id, type: "text", synthetic: true }
      if (text) parts.push({ id: `prt_ltmc${Date.now()}`, ...about, text })
    },
    "tool.execute.after": async ({ tool, sessionID, args }, { output, metadata }) => {
      if (!["bash", "edit", "write", "multiedit", "patch", "apply_patch"].includes(tool)) return
      const more = { tool_name: tool, tool_input: args, tool_response: { output, exit_code: metadata?.exit } }
      await tell("tool", "PostToolUse", sessionID, more)
    },
    "experimental.session.compacting": async ({ sessionID }) => {
      await tell("before-compact", "PreCompact", sessionID)
      started.set(sessionID, "after-compact")
    },
    event: async ({ event: { type, properties } }) => {
      const session = properties?.sessionID
      if (type === "session.created" && properties.info?.parentID) helpers.add(properties.info.id)
      if (type === "message.part.updated" && properties.part?.type === "text")
        answers.set(properties.part.sessionID, properties.part.text)
      if (type === "session.idle" && started.has(session) && answers.has(session)) {
        const answer = answers.get(session)
        answers.delete(session)
        await tell("end", "Stop", session, { last_assistant_message: answer })
      }
    },
  }
}

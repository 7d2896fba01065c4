// Reads conversations in LoCoMo's form (snap-research/LoCoMo): sessions of turns, and questions with the turns that answer them.

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** Milliseconds of "1:56 pm on 8 May, 2023", in UTC. */
export function sessionTime(text) {
  const match = /^(\d+):(\d+) (am|pm) on (\d+) (\w+), (\d+)$/.exec(text);
  if (!match) throw new Error(`is not a session's time: ${text}`);
  const [, hour, minute, half, day, month, year] = match;
  return Date.UTC(
    +year,
    MONTHS.indexOf(month),
    +day,
    (+hour % 12) + (half === "pm" ? 12 : 0),
    +minute,
  );
}

/**
 * Gives conversations as `{id, turns, questions}`. A turn is what `add` takes; its id is `session:turn`, its user the conversation, its
 * run the session. A question has the ids of the turns that answer it, those that exist.
 */
export function readConversations(text) {
  const conversations = JSON.parse(text);
  if (
    !Array.isArray(conversations) ||
    !conversations.every((one) => one?.conversation && Array.isArray(one.qa))
  ) {
    throw new Error("the file is not in LoCoMo's form: an array of {sample_id, conversation, qa}");
  }
  return conversations.map(({ sample_id: id, conversation, qa }) => {
    const turns = sessionsOf(conversation).flatMap(([session, said]) =>
      turnsOf(id, session, said, sessionTime(conversation[`${session}_date_time`])),
    );
    const known = new Set(turns.map((turn) => turn.id));
    const questions = qa.map(({ question, evidence, category }) => ({
      question,
      category,
      gold: goldOf(id, evidence, known),
    }));
    return { id, turns, questions };
  });
}

function sessionsOf(conversation) {
  const isSession = ([key, value]) => /^session_\d+$/.test(key) && Array.isArray(value);
  const number = ([key]) => Number(key.slice("session_".length));
  return Object.entries(conversation)
    .filter(isSession)
    .sort((a, b) => number(a) - number(b));
}

function turnsOf(user, session, said, begin) {
  return said.map((turn, place) => ({
    id: `${user}/${turnId(turn.dia_id)}`,
    content: turn.text + (turn.blip_caption ? ` [shares ${turn.blip_caption}]` : ""),
    userId: user,
    runId: session,
    role: "user",
    name: turn.speaker,
    createdAt: new Date(begin + place * 1000).toISOString(),
  }));
}

function turnId(text) {
  const match = /D:?(\d+):(\d+)/.exec(text);
  if (!match) throw new Error(`is not a turn's id: ${text}`);
  return `${Number(match[1])}:${Number(match[2])}`;
}

function goldOf(user, evidence, known) {
  const found = [...(evidence ?? []).join(" ").matchAll(/D:?(\d+):(\d+)/g)];
  return [
    ...new Set(found.map(([, session, turn]) => `${user}/${Number(session)}:${Number(turn)}`)),
  ].filter((id) => known.has(id));
}

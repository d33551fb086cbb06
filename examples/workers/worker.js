#!/usr/bin/env node
// A pipe worker in JavaScript: counts the letters of a text. See docs/workers.md.
const fs = require('fs');
const readline = require('readline');

function answer(job, members) {
  fs.writeSync(4, JSON.stringify({ id: job.id, ...members }) + '\n');
}

let count = 0;
readline.createInterface({ input: fs.createReadStream(null, { fd: 3 }) }).on('line', (line) => {
  const job = JSON.parse(line);
  console.log(`job ${++count} of this process`); // a line of the job's log
  answer(job, { progress: 0.5, text: 'counting' });
  if (typeof job.body === 'string') {
    answer(job, { ok: true, result: `${[...job.body].length} letters` });
  } else {
    answer(job, { ok: false, error: 'the body is no text' });
  }
});

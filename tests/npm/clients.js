'use strict';

// What users of these two packages do every day, by the packages' own functions.

const assert = require('node:assert');
const { once } = require('node:events');
const { promisify } = require('node:util');

const disqueueNode = require('disqueue-node');
const thunkDisque = require('thunk-disque');
const { start } = require('./broker.js');

const ID = /^D-[0-9a-f]{8}-[A-Za-z0-9+/]{24}-[0-9a-f]{4}$/;

async function disqueueNodeDoesItsWork(port) {
  const client = disqueueNode({ host: '127.0.0.1', port });
  await once(client, 'ready');
  const call = (name, options) => promisify(client[name].bind(client))(options);
  try {
    const hello = await call('hello');
    assert.strictEqual(hello.version, 1);
    assert.match(hello.nodeId, /^[0-9a-f]{40}$/);
    assert.strictEqual(hello.nodeIds[0], hello.nodeId);
    assert.ok((await call('info')).server, 'INFO has a server section');

    const first = await call('addJob', { queue: 'post', job: 'letter', retry: 60, ttl: 600 });
    assert.match(first, ID);
    assert.match(await call('addJob', { queue: 'post', job: 'parcel', timeout: 1000, replicate: 1 }), ID);
    assert.strictEqual(await call('qlen', 'post'), 2);
    await assert.rejects(call('addJob', { queue: 'post', job: 'third', maxlen: 2 }), /MAXLEN/);
    assert.deepStrictEqual((await call('qscan', { busyloop: true })).queues, ['post']);

    const shown = await call('show', first);
    assert.strictEqual(shown.state, 'queued');
    assert.strictEqual(shown.body, 'letter');
    assert.strictEqual(shown.retry, 60);

    const jobs = await call('getJob', { queue: ['empty', 'post'], count: 10, withcounters: true });
    assert.deepStrictEqual(jobs.map((job) => job.body), ['letter', 'parcel']);
    assert.deepStrictEqual([jobs[0].nacks, jobs[0].additionalDeliveries], [0, 0]);
    assert.strictEqual(await call('working', first), 60);

    assert.strictEqual(await call('nack', [first]), 1);
    const again = await call('getJob', { queue: 'post', withcounters: true });
    assert.deepStrictEqual([again[0].jobId, again[0].nacks], [first, 1]);
    assert.strictEqual(await call('enqueue', [first]), 1);
    assert.strictEqual(await call('dequeue', [first]), 1);
    assert.strictEqual(await call('ackJob', jobs.map((job) => job.jobId)), 2);
    assert.strictEqual(await call('show', first), null);

    const left = await call('addJob', { queue: 'post', job: 'left', async: true });
    assert.strictEqual(await call('delJob', left), 1);
    const fast = await call('addJob', { queue: 'post', job: 'fast', delay: 5 });
    assert.strictEqual(await call('fastAck', [fast]), 1);
    assert.deepStrictEqual(await call('getJob', { queue: 'post', nohang: true }), []);
  } finally {
    client.redisClient.end(false);
  }
}

async function thunkDisqueDoesItsWork(port) {
  const client = thunkDisque.createClient(port, '127.0.0.1', { usePromise: true });
  const waiting = thunkDisque.createClient(port, '127.0.0.1', { usePromise: true });
  try {
    // A claim that waits is served by a later add of another connection.
    const served = waiting.getjob('WITHCOUNTERS', 'FROM', 'quiet', 'loud');
    while ((await client.qstat('loud'))?.blocked !== 1) await client.ping();
    const id = await client.addjob('loud', 'hé\u0000llo', 0, 'RETRY', 1, 'TTL', 60);
    assert.match(id, ID);
    assert.deepStrictEqual(await served, [['loud', id, 'hé\u0000llo', 'nacks', 0, 'additional-deliveries', 0]]);

    // Nobody answers for it: it comes again after its retry time, and says so.
    const redelivered = await client.getjob('TIMEOUT', 10000, 'WITHCOUNTERS', 'FROM', 'loud');
    assert.deepStrictEqual(redelivered[0].slice(1, 3), [id, 'hé\u0000llo']);
    assert.ok(redelivered[0][6] >= 1, 'an additional delivery is counted');
    assert.strictEqual(await client.nack(id), 1);
    const nacked = await client.getjob('WITHCOUNTERS', 'FROM', 'loud');
    assert.strictEqual(nacked[0][4], 1);
    assert.strictEqual(await client.ackjob(id), 1);
    assert.strictEqual(await client.show(id), null);

    // Nothing comes: a null answer, after the time asked for.
    const asked = Date.now();
    assert.strictEqual(await client.getjob('TIMEOUT', 50, 'FROM', 'loud'), null);
    assert.ok(Date.now() - asked >= 45);

    const ids = await Promise.all(['a', 'b', 'c'].map((body) => client.addjob('many', body, 0)));
    assert.deepStrictEqual((await client.qpeek('many', 2)).map((job) => job[2]), ['a', 'b']);
    assert.strictEqual(await client.pause('many', 'out'), 'out');
    assert.strictEqual(await client.getjob('NOHANG', 'FROM', 'many'), null);
    assert.strictEqual(await client.pause('many', 'none'), 'none');
    const all = await client.getjob('COUNT', 10, 'FROM', 'many');
    assert.deepStrictEqual(all.map((job) => job[1]), ids);
    assert.strictEqual(await client.fastack(...ids), 3);
    assert.strictEqual(await client.qlen('many'), 0);

    await assert.rejects(client.ackjob('no-id'), /BADID/);
    await assert.rejects(client.addjob('many', 'x', 'soon'), /ERR/);
    const late = await client.addjob('many', 'late', 0, 'DELAY', 30);
    assert.deepStrictEqual((await client.jscan('QUEUE', 'many'))[1], [late]);
    assert.strictEqual(await client.deljob(late), 1);
  } finally {
    waiting.clientEnd();
    client.clientEnd();
  }
}

async function main() {
  const broker = await start();
  try {
    for (const scenario of [disqueueNodeDoesItsWork, thunkDisqueDoesItsWork]) {
      await scenario(broker.port);
      console.log(`ok: ${scenario.name}`);
    }
  } finally {
    await broker.stop();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

'use strict';

// Starts this build's broker on a free port in a folder of its own.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// Resolves to { port, stop }; stop ends the broker, which must exit 0, and removes its folder.
exports.start = async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'coworker-npm-'));
  const port = await freePort();
  const program = path.join(process.env.COWORKER_BIN, 'coworker');
  const broker = spawn(program, ['broker', '--data', path.join(folder, 'data'), '--listen', `tcp:127.0.0.1:${port}`], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(broker, 'exit');
  // It prints a line when it is ready.
  const ready = await Promise.race([once(broker.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!ready) throw new Error('the broker did not start');
  broker.stdout.resume();

  return {
    port,
    stop: async () => {
      broker.kill('SIGTERM');
      const [code, signal] = await ended;
      fs.rmSync(folder, { recursive: true });
      if (code !== 0) throw new Error(`the broker ended with ${code === null ? signal : code}`);
    },
  };
};

<?php

/*
 * Stands for a CiviCRM site: its APIv4 end-point, with queues, permissions and AuthX as far as a task runner sees them,
 * and the same as JSON-RPC at /rpc. Run by php-fpm behind nginx; as a program it is a pipe of the same site. STAND_IN is
 * a folder that holds
 *
 *   queues.json    {"queues": {name: {status, lease_time, retry_limit, error, batch_limit}}, "items": [{id, queue,
 *                  release, run_count, run_as, task}]}; the test writes it, the site changes it
 *   plan           what goes wrong next, a line each: "Queue/claimItems status 503"; a line is used once, in the order
 *                  of the file, by the first request that it names ("*": any)
 *   requests       a line for each request: what, the client's port, how the client said who it is; over a pipe:
 *                  what, the word pipe, the contact
 *   ran            a line for each task that began: its id
 *   go             tasks and requests that hold wait until it exists
 */

const CONTACTS = ['worker' => [5, true], 'reader' => [6, false]];  // token, contact, may administer queues
const PASSWORDS = ['mara:p@ss:w/rd' => [5, true]];
const DOMAIN = 1;

$folder = $_SERVER['STAND_IN'];
$path = strtok($_SERVER['REQUEST_URI'] ?? '', '?');
$logged_in = null;  // over a pipe: contact, may administer queues

final class ApiError extends Exception {
  public function __construct(string $message, public int $status = 500, public string|int $name = 0) {
    parent::__construct($message);
  }
}

function answer(int $status, $value): never {
  http_response_code($status);
  header('Content-Type: application/json');
  echo json_encode($value);
  exit;
}

function page(int $status, string $text, string $type = 'text/html'): never {
  http_response_code($status);
  header("Content-Type: $type");
  echo $text;
  exit;
}

/** Calls $change with the content of a file while nobody else has it, and writes what that made of it. */
function with_file(string $name, callable $change): mixed {
  global $folder;
  $file = fopen("$folder/$name", 'c+');
  flock($file, LOCK_EX);
  $text = stream_get_contents($file);
  $before = $text;
  try {
    return $change($text);
  } finally {
    if ($text !== $before) {
      ftruncate($file, 0);
      rewind($file);
      fwrite($file, $text);
    }
    fclose($file);
  }
}

function note(string $name, string $line): void {
  global $folder;
  file_put_contents("$folder/$name", "$line\n", FILE_APPEND | LOCK_EX);
}

function hold(): void {
  global $folder;
  for ($left = 6000; $left > 0 && !file_exists("$folder/go"); --$left) {
    usleep(10000);
    clearstatcache();
  }
}

// ---- what goes wrong ----------------------------------------------------------------------------

function planned(string $what): ?array {
  return with_file('plan', function (string &$text) use ($what) {
    $lines = array_values(array_filter(explode("\n", $text)));
    foreach ($lines as $i => $line) {
      $words = explode(' ', $line);
      if ($words[0] !== '*' && $words[0] !== $what) continue;
      unset($lines[$i]);
      $text = implode("\n", $lines);
      return array_slice($words, 1);
    }
    return null;
  });
}

function go_wrong(array $words): void {
  [$kind, $more] = $words + [1 => ''];
  switch ($kind) {
    case 'status':
      if (isset($words[2])) header("Retry-After: {$words[2]}");
      page((int) $more, "<h1>Error $more</h1>");
    case 'page':
      page(200, "<html><title>Log in</title></html>");
    case 'plain':  // right, under a wrong name
      header('Content-Type: text/plain');
      ini_set('default_mimetype', 'text/plain');
      return;
    case 'noise':
      echo "<br />\n<b>Notice</b>: Undefined index {\"x in addon.php\n";
      return;
    case 'half':
      header('Content-Length: 1000');
      page(200, '{"values":[{"id"', 'application/json');
    case 'huge':
      page(200, '{"values":["' . str_repeat('x', (int) $more) . '"]}', 'application/json');
    case 'redirect':
      header("Location: $more");
      page(302, '');
    case 'drop':  // the connection, without a word
      header('X-Accel-Redirect: /drop');
      exit;
    case 'die':
      posix_kill(getmypid(), 9);
    case 'hold':
      hold();
      return;
  }
}

// ---- who asks -----------------------------------------------------------------------------------

function who(): array {
  global $logged_in;
  if ($logged_in !== null) return $logged_in;
  $given = $_SERVER['HTTP_X_CIVI_AUTH'] ?? $_SERVER['HTTP_AUTHORIZATION'] ?? '';
  if ($given === '') return [null, false];
  [$kind, $secret] = explode(' ', $given, 2) + [1 => ''];
  $known = $kind === 'Bearer' ? (CONTACTS[$secret] ?? null)
    : ($kind === 'Basic' ? (PASSWORDS[base64_decode($secret)] ?? null) : null);
  if ($known === null) page(401, 'HTTP 401 Invalid credential', 'text/plain');
  return $known;
}

// ---- queues -------------------------------------------------------------------------------------

function with_queues(callable $change): mixed {
  return with_file('queues.json', function (string &$text) use ($change) {
    $all = json_decode($text, true) ?? ['queues' => [], 'items' => []];
    $result = $change($all);
    $text = json_encode($all);
    return $result;
  });
}

function claim(string $queue): array {
  return with_queues(function (array &$all) use ($queue) {
    $own = $all['queues'][$queue] ?? throw new ApiError("no queue $queue");
    if (($own['status'] ?? 'active') !== 'active') return [];
    $claimed = [];
    foreach ($all['items'] as &$item) {
      if ($item['queue'] !== $queue || ($item['release'] ?? 0) > microtime(true)) continue;
      $item['release'] = microtime(true) + ($own['lease_time'] ?? 3600);
      $item['run_count'] = ($item['run_count'] ?? 0) + 1;
      $claimed[] = ['id' => (string) $item['id'], 'queue' => $queue, 'run_as' => $item['run_as'] ?? null];
      if (count($claimed) === ($own['batch_limit'] ?? 1)) break;
    }
    return $claimed;
  });
}

/** The task's own word. */
function run_task(array $item, ?int $contact): bool {
  if (isset($item['run_as']) && ($item['run_as']['contactId'] ?? null) !== $contact) return false;
  note('ran', (string) $item['id']);
  switch ($item['task'] ?? 'ok') {
    case 'ok': return true;
    case 'hold': hold(); return true;
    case 'die': posix_kill(getmypid(), 9);
    case 'chatter': echo "a task was here\n"; return true;
    default: return false;
  }
}

function settle(int|string $id, string $outcome, array $queue): void {
  with_queues(function (array &$all) use ($id, $outcome, $queue) {
    foreach ($all['items'] as $i => &$item) {
      if ((string) $item['id'] !== (string) $id) continue;
      if ($outcome === 'ok' || $outcome === 'delete') {
        unset($all['items'][$i]);
      } else {
        $item['release'] = ($queue['retry_interval'] ?? 0) > 0 ? microtime(true) + $queue['retry_interval'] : 0;
        if ($outcome === 'relinquish') --$item['run_count'];
        if ($outcome === 'abort') $all['queues'][$item['queue']]['status'] = 'aborted';
      }
      break;
    }
    $all['items'] = array_values($all['items']);
  });
}

function run_items(array $stubs, ?int $contact): array {
  $outcomes = [];
  $aborted = false;
  foreach ($stubs as $stub) {
    [$item, $queue] = with_queues(function (array &$all) use ($stub) {
      foreach ($all['items'] as $each) {
        if ((string) $each['id'] === (string) $stub['id']) return [$each, $all['queues'][$each['queue']]];
      }
      throw new ApiError('foreach() argument must be of type array');
    });
    $tries = 1 + ($queue['retry_limit'] ?? 0);
    if ($aborted) {
      $outcome = 'relinquish';
    } else if ($item['run_count'] <= $tries && run_task($item, $contact)) {
      $outcome = 'ok';
    } else {
      $outcome = $item['run_count'] < $tries ? 'retry' : ($queue['error'] ?? 'delete');
    }
    $aborted = $aborted || $outcome === 'abort';
    settle($item['id'], $outcome, $queue);
    $outcomes[] = ['outcome' => $outcome, 'item' => ['id' => $stub['id'], 'queue' => $stub['queue']]];
  }
  return $outcomes;
}

function api4(string $entity, string $action, array $params): array {
  [$contact, $is_admin] = who();
  $may = fn (bool $allowed) => $allowed
    || throw new ApiError("Authorization failed: $entity.$action", 403, 'unauthorized');
  switch ("$entity.$action") {
    case 'Domain.get':
      $may($is_admin);
      return [['id' => DOMAIN, 'version' => '5.81.0']];
    case 'Contact.get':
      $may($contact !== null && $params['where'] === [['id', '=', 'user_contact_id']]);
      return [['id' => $contact]];
    case 'Queue.getFields':
      $may($contact !== null);
      return array_map(fn ($name) => ['name' => $name], ['id', 'name', 'type', 'runner', 'status']);
    case 'Queue.get':
      $may($contact !== null);
      return with_queues(function (array &$all) {
        $active = array_filter($all['queues'], fn ($queue) => ($queue['status'] ?? 'active') === 'active');
        return array_map(fn ($name) => ['name' => (string) $name] + array_intersect_key($all['queues'][$name],
          ['lease_time' => 1, 'status' => 1]), array_keys($active));
      });
    case 'Queue.claimItems':
      $may($is_admin);
      return claim($params['queue'] ?? throw new ApiError('Parameter "queue" is required.'));
    case 'Queue.runItems':
      $may($is_admin);
      return run_items($params['items'] ?? throw new ApiError('no items'), $contact);
    case 'QueueItem.get':
      $may($is_admin);
      return with_queues(fn (array &$all) => array_values(array_map(
        fn ($item) => ['id' => $item['id'], 'run_count' => $item['run_count'] ?? 0],
        array_filter($all['items'], fn ($item) => named_by($item, $params['where'] ?? [])))));
    case 'QueueItem.update':
      $may($is_admin);
      return with_queues(function (array &$all) use ($params) {
        $changed = [];
        foreach ($all['items'] as &$item) {
          if (!named_by($item, $params['where'] ?? [])) continue;
          $item['release'] = strtotime($params['values']['release_time'] ?? 'now');
          $item['run_count'] = $params['values']['run_count'];
          $changed[] = ['id' => $item['id']];
        }
        return $changed;
      });
    default:
      throw new ApiError("Api $entity $action version 4 does not exist.", 404, 'not-found');
  }
}

function named_by(array $item, array $where): bool {
  foreach ($where as [$field, $operator, $value]) {
    if (!in_array((string) ($item[$field] ?? 0), array_map('strval', (array) $value), true)) return false;
  }
  return $where !== [];
}

// ---- requests -----------------------------------------------------------------------------------

function serve(string $entity, string $action, array $params): array {
  note('requests', "$entity/$action {$_SERVER['REMOTE_PORT']} "
    . strtok($_SERVER['HTTP_X_CIVI_AUTH'] ?? $_SERVER['HTTP_AUTHORIZATION'] ?? 'nobody', ' '));
  if ($wrong = planned("$entity/$action")) go_wrong($wrong);
  return api4($entity, $action, $params);
}

/** A line of a pipe. */
function answer_line(array $call): mixed {
  global $logged_in;
  switch ($call['method']) {
    case 'options':
      return $call['params'];
    case 'login':
      $logged_in = [(int) $call['params']['contactId'], true];
      return ['contactId' => $logged_in[0], 'userId' => null];
    default:
      [$entity, $action, $params] = $call['params'] + [2 => []];
      note('requests', "$entity/$action pipe {$logged_in[0]}");
      return api4($entity, $action, $params);
  }
}

if (PHP_SAPI === 'cli') {
  $logged_in = [0, true];
  $prefix = '';
  echo json_encode(['Civi::pipe' => ['v' => '5.81.0', 't' => 'trusted', 'l' => ['login']]]), "\n";
  while (($line = fgets(STDIN)) !== false) {
    $call = json_decode($line, true);
    $reply = ['jsonrpc' => '2.0'];
    try {
      $reply['result'] = answer_line($call);
    } catch (ApiError $error) {
      $reply['error'] = ['code' => -32099, 'message' => $error->getMessage(), 'data' => null];
    }
    $prefix = $call['params']['responsePrefix'] ?? $prefix;
    echo $prefix, json_encode($reply + ['id' => $call['id'] ?? null]), "\n";
  }
  exit;
}

if ($path === '/rpc') {
  $call = json_decode(file_get_contents('php://input'), true);
  $reply = ['jsonrpc' => '2.0'];
  try {
    [$entity, $action, $params] = $call['params'] + [2 => []];
    $reply['result'] = serve($entity, $action, $params);
  } catch (ApiError $error) {
    $reply['error'] = ['code' => -32099, 'message' => $error->getMessage(), 'data' => null];
  }
  answer(200, $reply + ['id' => $call['id'] ?? null]);
}

$route = $path === '/index.php' ? '/' . ($_GET['q'] ?? '') : $path;
if (!preg_match('#/civicrm/ajax/api4/(\w+)/(\w+)$#', $route, $match)) page(404, '<h1>Page not found</h1>');
if (($_SERVER['HTTP_X_REQUESTED_WITH'] ?? '') !== 'XMLHttpRequest') page(400, 'not from a page of ours');
if ($_SERVER['REQUEST_METHOD'] !== 'POST' && !str_starts_with($match[2], 'get')) page(405, 'use POST');
try {
  $params = json_decode($_POST['params'] ?? '{}', true, 512, JSON_THROW_ON_ERROR);
  $values = serve($match[1], $match[2], $params);
  answer(200, ['values' => $values, 'entity' => $match[1], 'action' => $match[2], 'count' => count($values)]);
} catch (ApiError $error) {
  answer($error->status, ['error_code' => $error->name, 'error_message' => $error->getMessage(),
    'status' => $error->status]);
}

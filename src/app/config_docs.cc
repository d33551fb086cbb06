#include "app/config_docs.h"

#include <fmt/format.h>

#include <set>

#include "app/config_keys.h"

namespace coworker::app {
namespace {

constexpr std::string_view kHead = R"(# Configuration

This file is made from the table in `src/app/config_keys.cc` (`coworker config docs` prints it).

One YAML file; JSON, being a part of YAML, works too. It is looked for in this order: `-c FILE` (may be given several
times, a later file wins key by key), `COWORKER_CONFIG`, `./coworker.yml`, `./disqontrol.yml`. Every key and section
is optional. A value given by a flag wins over the environment, the environment over the file, the file over the
default. Keys outside of maps of names have an environment variable: `COWORKER_` and the key in capitals, with `_` for
each dot (`broker.listen`: `COWORKER_BROKER_LISTEN`); several values are separated by blanks.

Unknown keys and bad values are errors that name file, line and key. `coworker config check` reads the configuration
and reports them all; `coworker config show` prints what is in effect, and where each value comes from.

| kind | how it is written |
| --- | --- |
| duration | `250ms`, `10s`, `5m`, `2h`, `30d`; a bare number is seconds |
| size | bytes, or `64K`, `512M`, `2G` (steps of 1024) |
| boolean | `true`, `yes`, `on`, `false`, `no`, `off` |
| path, address | relative paths, also those after `file:` and `unix:`, start at the folder of the file they stand in |
| addresses | one or a list; `unix:PATH` or `tcp:HOST:PORT`, `unix://` and `tcp://` are accepted |
| command | a list of words, or one text that is split by the shell's quoting rules; run without a shell |
| shell | a text that `/bin/sh -c` runs |
| pairs | a map of names to texts, or a list of `NAME=TEXT` |

```yaml
store: file:./coworker-data
broker: { listen: [unix:coworker-data/broker.sock, "tcp:127.0.0.1:7711"], durability: commit }
defaults: { job_process_timeout: 10m, job_lifetime: 30d, max_retries: 37 }
queues:
  resize-pic: { worker: { type: command, command: [php, resize.php] }, concurrency: 4 }
  send-mail: { worker: { type: command, command: "python3 send_mail.py" }, max_retries: 5 }
consumers:
  - { queues: [resize-pic], min_processes: 1, max_processes: 4 }
log: { level: info, format: json, file: coworker.log }
```

All queues that no element of `consumers` names share one group of consumers with the values of `consumer_defaults`.
)";

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "text";
    case Kind::choice:
      return "choice";
    case Kind::boolean:
      return "boolean";
    case Kind::integer:
      return "integer";
    case Kind::duration:
      return "duration";
    case Kind::size:
      return "size";
    case Kind::path:
      return "path";
    case Kind::address:
      return "address";
    case Kind::addresses:
      return "addresses";
    case Kind::texts:
      return "list of texts";
    case Kind::pairs:
      return "pairs";
    case Kind::command:
      return "command";
    case Kind::shell:
      return "shell";
    case Kind::secret:
      return "secret";
    case Kind::json:
      return "map";
  }
  return "";
}

std::string section_title(const Place& place) {
  if (place.pattern.empty()) return "Top level";
  std::string title;
  for (const char c : place.pattern) title += c == '*' ? (place.list ? "[]" : "NAME") : std::string{c};
  return "`" + title + "`";
}

std::string kind_text(const Key& key) {
  if (key.kind != Kind::choice) return std::string{kind_name(key.kind)};
  std::string text;
  for (const char c : key.choices) text += c == ' ' ? std::string{", "} : std::string{c};
  return text;
}

void append_rows(std::string& out, const Place& place) {
  for (const Key& key : keys()) {
    if (key.scope != place.scope) continue;
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, kind_text(key),
                       key.fallback.empty() ? std::string{} : fmt::format("`{}`", key.fallback), key.text);
  }
}

}  // namespace

std::string config_docs() {
  std::string out{kHead};
  std::set<std::string_view> shown;
  for (const Place& place : places()) {
    if (!shown.insert(place.pattern).second) continue;
    out += fmt::format("\n## {}\n\n{}.\n", section_title(place), place.text);
    if (!place.inherits.empty()) {
      out += fmt::format("What is not given here is taken from `{}`, then from its defaults.\n", place.inherits);
    }
    out += "\n| key | kind | default | meaning |\n| --- | --- | --- | --- |\n";
    for (const Place& part : places()) {
      if (part.pattern == place.pattern) append_rows(out, part);
    }
  }
  out +=
      "\n## Not available in this version\n\nRefused with an error, so that nobody waits for what does not happen:\n\n";
  for (const Missing& row : missing()) {
    std::string pattern;
    for (const char c : row.pattern)
      pattern += c == '*' ? std::string{"NAME"} : c == '=' ? std::string{": "} : std::string{c};
    out += fmt::format("* `{}` ({})\n", pattern, row.text);
  }
  return out;
}

}  // namespace coworker::app

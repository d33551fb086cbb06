#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "app/config_keys.h"

/// The keys of section `civi`, which may stand at the root of a file as well, and the names that they had before.
namespace coworker::app {

inline constexpr std::array kCiviKeys{
    Key{Scope::civi, "pipeCommand", Kind::shell, "",
        "Starts a pipe of the site: 'cv pipe', or the same through ssh. None, or MINIPIPE: the site of the working "
        "directory."},
    Key{Scope::civi, "domains", Kind::pairs, "",
        "Of a multisite: the number of a domain, and the command that starts its pipe."},
    Key{Scope::civi, "web", Kind::secret, "", "The site's address, where it is reached over HTTP."},
    Key{Scope::civi, "webCredentialFile", Kind::path, "",
        "File whose first line is 'user:password' or a token for it; COWORKER_WEB_CREDENTIAL works too."},
    Key{Scope::civi, "webAuthorities", Kind::path, "",
        "PEM file of the authorities whose certificates are trusted there, instead of the system's."},
    Key{Scope::civi, "webProtocol", Kind::choice, "automatic",
        "What is spoken there: APIv4's end-point, or JSON-RPC at the address itself; automatic = whichever answers.",
        "automatic api4 json-rpc"},
    Key{Scope::civi, "channel", Kind::text, "",
        "How queues are watched, and how tasks run: pipe, web, or two of these with a comma."},
    Key{Scope::civi, "workerCount", Kind::integer, "2", "Worker processes at the same time.", {}, 1, 10'000},
    Key{Scope::civi,
        "workerRequests",
        Kind::integer,
        "10",
        "Requests after which one is replaced, its login being one; 0 = never.",
        {},
        0,
        1'000'000'000},
    Key{Scope::civi, "workerDuration", Kind::duration, "600", "Age at which one is replaced; 0 = never."},
    Key{Scope::civi, "workerTimeout", Kind::duration, "60", "One without work for so long is ended; 0 = never."},
    Key{Scope::civi, "workerMemory", Kind::size, "0",
        "One that ever held more bytes of memory is replaced after its task; 0 = never."},
    Key{Scope::civi,
        "workerCleanupCount",
        Kind::integer,
        "1",
        "Idle ones that make room when another user's task needs a place.",
        {},
        1,
        10'000},
    Key{Scope::civi, "taskTimeout", Kind::duration, "0",
        "A task is killed after this; 0 = when its lease ends, as it is somebody else's then."},
    Key{Scope::civi, "startTimeout", Kind::duration, "60", "A pipe that has not greeted after this is killed.", {}, 1},
    Key{Scope::civi, "requestTimeout", Kind::duration, "60", "A question about queues fails after this.", {}, 1},
    Key{Scope::civi,
        "requestRetries",
        Kind::integer,
        "3",
        "How often what may be sent again over HTTP is sent again; 0 = never.",
        {},
        0,
        100},
    Key{Scope::civi, "agentDuration", Kind::duration, "0", "The program ends after this; 0 = never."},
    Key{Scope::civi,
        "pollInterval",
        Kind::duration,
        "660ms",
        "Between two looks at the queues, when there is nothing; over HTTP 5s unless it is given.",
        {},
        1},
    Key{Scope::civi,
        "pollIntervalMin",
        Kind::duration,
        "50ms",
        "The same after there was work, over HTTP 250ms; it grows from there.",
        {},
        1},
    Key{Scope::civi, "pollQuery", Kind::json, "", "Parameters of Queue.get; none: active queues with a runner."},
    Key{Scope::civi, "civicrmVersion", Kind::text, "5.51.alpha1", "The least version of CiviCRM."},
    Key{Scope::civi, "bufferSize", Kind::size, "4M", "Bytes of the longest request over a pipe."},
    Key{Scope::civi,
        "failures",
        Kind::integer,
        "10",
        "The program ends with an error after so many failures in a row to reach the site.",
        {},
        1,
        1'000'000},
    Key{Scope::civi, "logFile", Kind::path, "", "As log.file."},
    Key{Scope::civi, "logFormat", Kind::choice, "", "As log.format.", "text json"},
    Key{Scope::civi, "logLevel", Kind::choice, "", "As log.level; some names mean the nearest one there.",
        "debug info notice warning error critical alert emergency"},
    Key{Scope::civi, "logPolling", Kind::boolean, "false", "At level debug also each look at the queues."},
    Key{Scope::civi, "logInternalQueue", Kind::boolean, "false", "At level debug also what waits for a worker."},
};

/// A key's names in the environment beside the usual one, and its name of former times.
struct CiviName {
  std::string_view name;
  std::string_view former;  // in files; empty: it had none
  const char* variable;
  const char* former_variable;
};

inline constexpr std::array kCiviNames{
    CiviName{"workerCount", "maxConcurrentWorkers", "COWORKER_COUNT", "COWORKER_MAX_WORKERS"},
    CiviName{"workerRequests", "maxWorkerRequests", "COWORKER_REQUESTS", "COWORKER_WORKER_REQUESTS"},
    CiviName{"workerDuration", "maxWorkerDuration", "COWORKER_DURATION", "COWORKER_WORKER_DURATION"},
    CiviName{"workerTimeout", "maxWorkerIdle", "COWORKER_TIMEOUT", "COWORKER_WORKER_IDLE"},
    CiviName{"workerCleanupCount", "gcWorkers", "COWORKER_GC_WORKERS", nullptr},
    CiviName{"agentDuration", "maxTotalDuration", "COWORKER_AGENT_DURATION", "COWORKER_MAX_DURATION"},
    CiviName{"pollInterval", "", "COWORKER_POLL_INTERVAL", nullptr},
    CiviName{"pollQuery", "queueFilter", nullptr, nullptr},
    CiviName{"civicrmVersion", "minimumCivicrmVersion", nullptr, nullptr},
};

/// The key of section civi that a file's `name` means, also a former one; nullptr: none.
const Key* find_civi_key(std::string_view name);

}  // namespace coworker::app

<?php
// A pipe worker in PHP: counts the letters of a text. See docs/workers.md.
$jobs = fopen('php://fd/3', 'r');
$answers = fopen('php://fd/4', 'w');

function answer($answers, array $job, array $members): void
{
    fwrite($answers, json_encode(['id' => $job['id']] + $members, JSON_UNESCAPED_UNICODE) . "\n");
}

for ($count = 1; ($line = fgets($jobs)) !== false; ++$count) {
    $job = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    echo "job $count of this process\n"; // a line of the job's log
    answer($answers, $job, ['progress' => 0.5, 'text' => 'counting']);
    if (is_string($job['body'])) {
        answer($answers, $job, ['ok' => true, 'result' => preg_match_all('/./us', $job['body']) . ' letters']);
    } else {
        answer($answers, $job, ['ok' => false, 'error' => 'the body is no text']);
    }
}

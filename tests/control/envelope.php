<?php
// A client of the envelopes, with PHP's own serialize: envelope.php PORT CONTENT-TYPE MESSAGE…
// Prints the greeting's words, then each answer's status and message on a line.
[$script, $port, $type] = $argv;
$socket = stream_socket_client("tcp://127.0.0.1:$port", $code, $text, 20);
stream_set_timeout($socket, 20);
$greeting = unserialize(base64_decode(fgets($socket)), ['allowed_classes' => false]);
echo $greeting['status'], ' ', $greeting['version'], "\n";
foreach (array_slice($argv, 3) as $message) {
    fwrite($socket, base64_encode(serialize(['content_type' => $type, 'message' => $message])) . "\r\n");
    $answer = unserialize(base64_decode(fgets($socket)), ['allowed_classes' => false]);
    echo var_export($answer['status'], true), ' ', $answer['message'] ?? 'NULL', "\n";
}
fwrite($socket, "\r\n");
echo fgets($socket) === false && feof($socket) ? "closed\n" : "open\n";

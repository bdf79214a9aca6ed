<?php
// Reports what PHP reads from a request: a JSON array of [where, name, value], names and
// values in base64.

error_reporting(0);
libxml_use_internal_errors(true);

$report = [];

function add(string $where, $name, $value): void
{
    global $report;
    $report[] = [$where, base64_encode((string) $name), base64_encode((string) $value)];
}

// leaves reports what is in an array of arrays; names are put together as forms spell them.
function leaves(string $where, string $name, $x): void
{
    if (is_array($x)) {
        foreach ($x as $k => $v) {
            if ($where === 'json') {
                add($where, $k, is_string($k) ? $k : '');
            }
            $key = is_int($k) ? '' : $k; // PHP may have counted it itself
            leaves($where, $name === '' || $where === 'json' ? (string) $key : $name . '[' . $key . ']', $v);
        }
    } elseif (is_bool($x)) {
        add($where, $name, $x ? 'true' : 'false');
    } elseif ($x !== null) {
        add($where, $name, $x);
    }
}

function files(string $name, $filename, $path): void
{
    if (is_array($filename)) {
        foreach ($filename as $k => $v) {
            files($name . '[]', $v, $path[$k] ?? '');
        }
        return;
    }
    add('filename', $name, $filename);
    if ($path !== '' && is_uploaded_file($path)) {
        add('content', $name, file_get_contents($path));
    }
}

function texts(DOMNode $node): void
{
    if ($node->nodeType === XML_ELEMENT_NODE) {
        foreach ($node->attributes as $a) {
            add('xml', $a->name, $a->value);
        }
        $simple = simplexml_import_dom($node);
        add('xml', $node->nodeName, (string) $simple);
    } elseif ($node->nodeType === XML_TEXT_NODE || $node->nodeType === XML_CDATA_SECTION_NODE) {
        add('xml', $node->parentNode->nodeName, $node->nodeValue);
    }
    foreach ($node->childNodes ?? [] as $child) {
        texts($child);
    }
}

leaves('query', '', $_GET);
leaves('cookie', '', $_COOKIE);
leaves('form', '', $_POST);
foreach ($_FILES as $name => $f) {
    files((string) $name, $f['full_path'] ?? $f['name'], $f['tmp_name']);
    files((string) $name, $f['name'], '');
}

$body = file_get_contents('php://input');
if (($_SERVER['HTTP_CONTENT_ENCODING'] ?? '') === 'gzip') {
    $body = gzdecode($body);
}
if ($body !== '' && $body !== false) {
    $kind = strtolower(trim(explode(';', $_SERVER['CONTENT_TYPE'] ?? '')[0]));
    if ($kind === 'application/x-www-form-urlencoded') {
        parse_str($body, $values); // what is done for PUT and PATCH
        leaves('form', '', $values);
    }
    leaves('json', '', json_decode($body, true));
    if (class_exists('DOMDocument')) {
        $document = new DOMDocument();
        if ($document->loadXML($body, LIBXML_NONET)) {
            texts($document);
        }
    }
}

header('Content-Type: application/json');
echo json_encode($report);

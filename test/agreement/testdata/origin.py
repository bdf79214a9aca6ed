"""An origin that reports what Python's parsers read from a request.

It listens on a free port of loopback and prints the port. The answer to a request is a JSON
array of [where, name, value], names and values in base64.
"""

import base64
import email.parser
import email.policy
import io
import json
import sys
import warnings
import xml.etree.ElementTree
from http.cookies import SimpleCookie, CookieError, _unquote
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

warnings.simplefilter("ignore")
try:
    import cgi
except ImportError:  # it is gone since Python 3.13
    cgi = None
try:
    import werkzeug.wrappers
except ImportError:
    werkzeug = None
try:
    import django.conf
    import django.core.handlers.wsgi
    import django.http

    django.conf.settings.configure(DATA_UPLOAD_MAX_NUMBER_FIELDS=100000, DATA_UPLOAD_MAX_NUMBER_FILES=1000)
except ImportError:
    django = None


def octets(x):
    if isinstance(x, bytes):
        return x
    try:
        return str(x).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return str(x).encode("utf-8", "surrogatepass")


def latin(text):
    """The bytes of a header field, which the server has decoded."""
    return text.encode("latin-1", "replace")


class Report(list):
    def add(self, where, name, value):
        if value is None:
            value = ""
        if name is None or name == "None":  # as Django spells no name
            name = ""
        self.append([where, base64.b64encode(octets(name)).decode(), base64.b64encode(octets(value)).decode()])

    def trying(self, read, *args):
        """A parser that gives up leaves what it has reported."""
        try:
            read(self, *args)
        except Exception:
            pass

    def leaves(self, name, x):
        if isinstance(x, Pairs):
            for k, v in x:
                self.add("json", k, k)
                self.leaves(k, v)
        elif isinstance(x, list):
            for v in x:
                self.leaves(name, v)
        elif isinstance(x, bool):
            self.add("json", name, "true" if x else "false")
        elif x is not None:
            self.add("json", name, x)


class Pairs(list):
    """A JSON object with all its members, in place of the last of each name."""


def query(report, qs):
    for k, v in parse_qsl(qs, keep_blank_values=True):
        report.add("query", k, v)
    if ";" in qs:  # what Python before 3.9.2 did
        for k, v in parse_qsl(qs.replace(";", "&"), keep_blank_values=True):
            report.add("query", k, v)


def form(report, body, charset):
    text = body.decode("ascii", "surrogateescape")
    for k, v in parse_qsl(text, keep_blank_values=True, encoding=charset or "utf-8"):
        report.add("form", k, v)
    if ";" in text:
        for k, v in parse_qsl(text.replace(";", "&"), keep_blank_values=True):
            report.add("form", k, v)


def simple_cookies(report, field):
    for k, m in SimpleCookie(field).items():
        report.add("cookie", k, latin(m.value))


def split_cookies(report, field):
    """As web frameworks do, which SimpleCookie is too strict for."""
    for chunk in field.split(";"):
        k, found, v = chunk.partition("=")
        if not found:
            k, v = "", k
        report.add("cookie", k.strip(), latin(_unquote(v.strip())))


def mail(report, content_type, body, policy):
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\nMIME-Version: 1.0\r\n\r\n"
    parts(report, email.parser.BytesParser(policy=policy).parsebytes(head + body))


def parts(report, message):
    for part in message.walk():
        if part.is_multipart():
            continue
        disposition = part.get("Content-Disposition")
        if disposition is None and part is message:
            continue
        name = part.get_param("name", "", header="content-disposition")
        name = plain(name)
        filename = part.get_filename()
        payload = part.get_payload(decode=True) or b""
        if filename is not None:
            report.add("filename", name, plain(filename))
            report.add("content", name, payload)
        else:
            report.add("form", name, payload)
            charset = part.get_content_charset()
            if charset:
                report.add("form", name, payload.decode(charset, "replace"))


def plain(x):
    """The text of a parameter, which may come as charset, language and text (RFC 2231)."""
    return email.utils.collapse_rfc2231_value(x) if isinstance(x, tuple) else x


def field_storage(report, environ, body):
    fs = cgi.FieldStorage(fp=io.BytesIO(body), environ=environ, keep_blank_values=True)
    if fs.list is None:
        return
    stored(report, fs)


def stored(report, fs):
    for item in fs.list or []:
        if item.list is not None:
            stored(report, item)
        elif item.filename:
            report.add("filename", item.name or "", item.filename)
            report.add("content", item.name or "", item.file.read())
        else:
            report.add("form", item.name or "", item.value)


def flask(report, environ, body):
    environ = dict(environ, **{"wsgi.input": io.BytesIO(body)})
    request = werkzeug.wrappers.Request(environ)
    for k, v in request.args.items(multi=True):
        report.add("query", k, v)
    for k, v in request.cookies.items(multi=True):
        report.add("cookie", k, v)
    for k, v in request.form.items(multi=True):
        report.add("form", k, v)
    for k, f in request.files.items(multi=True):
        report.add("filename", k, f.filename or "")
        report.add("content", k, f.read())


def django_request(report, environ, body):
    environ = dict(environ, **{"wsgi.input": io.BytesIO(body)})
    request = django.core.handlers.wsgi.WSGIRequest(environ)
    for k, v in request.COOKIES.items():
        report.add("cookie", k, v)
    for k, values in request.GET.lists():
        for v in values:
            report.add("query", k, v)
    for k, values in request.POST.lists():
        for v in values:
            report.add("form", k, v)
    for k, files in request.FILES.lists():
        for f in files:
            report.add("filename", k, f.name)
            report.add("content", k, f.read())


def json_leaves(report, body):
    report.leaves("", json.loads(body, object_pairs_hook=Pairs))


def xml_texts(report, body):
    for e in xml.etree.ElementTree.fromstring(body).iter():
        name = e.tag.rpartition("}")[2]  # without the namespace
        report.add("xml", name, e.text)
        report.add("xml", name, e.tail)
        for k, v in e.attrib.items():
            report.add("xml", k.rpartition("}")[2], v)


class Origin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        answer = json.dumps(self.read(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do

    def read(self, body):
        report = Report()
        qs = self.path.partition("?")[2]
        content_type = self.headers.get("Content-Type", "")
        kind = content_type.partition(";")[0].strip().lower()
        environ = {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": "/",
            "SCRIPT_NAME": "",
            "SERVER_NAME": "test",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "QUERY_STRING": qs,
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_COOKIE": "; ".join(self.headers.get_all("Cookie") or []),
        }
        report.trying(query, qs)
        for field in self.headers.get_all("Cookie") or []:
            report.trying(simple_cookies, field)
            report.trying(split_cookies, field)
        if werkzeug:
            report.trying(flask, environ, body)
        if django:
            report.trying(django_request, environ, body)
        if not body:
            return report
        if kind == "application/x-www-form-urlencoded":
            report.trying(form, body, None)
            charset = self.headers.get_param("charset")
            if charset:
                report.trying(form, body, charset)
        if kind.startswith("multipart/"):
            report.trying(mail, content_type, body, email.policy.compat32)
            report.trying(mail, content_type, body, email.policy.HTTP)
            if cgi and self.command == "POST":
                report.trying(field_storage, environ, body)
        report.trying(json_leaves, body)
        for line in body.splitlines():
            if line != body and kind == "application/x-ndjson":
                report.trying(json_leaves, line)
        report.trying(xml_texts, body)
        return report

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()

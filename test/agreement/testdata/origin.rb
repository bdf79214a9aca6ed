# Reports what Ruby's parsers read from requests.
#
# A request comes as a line on standard input: a JSON object with the variables of CGI, and the
# body in base64. The answer is a line as well: a JSON array of [where, name, value], names
# and values in base64.

require 'base64'
require 'json'
require 'stringio'
require 'uri'
begin
  require 'rack'
rescue LoadError
  nil
end
begin
  require 'rexml/document'
rescue LoadError
  nil
end

class Report
  attr_reader :entries

  def initialize
    @entries = []
  end

  def add(where, name, value)
    name = '' if name == 'text/plain' # Rack's word for no name
    @entries << [where, Base64.strict_encode64(name.to_s), Base64.strict_encode64(value.to_s)]
  end

  # A parser that gives up leaves what it has reported.
  def trying
    yield
  rescue StandardError, SystemStackError
    nil
  end

  def leaves(where, name, x)
    case x
    when Hash
      if x[:tempfile]
        add('filename', name, x[:filename])
        add('content', name, x[:tempfile].read)
        return
      end
      x.each do |k, v|
        add(where, k, k) if where == 'json'
        leaves(where, name.empty? || where == 'json' ? k.to_s : "#{name}[#{k}]", v)
      end
    when Array
      x.each { |v| leaves(where, name, v) }
    when nil
      nil
    else
      add(where, name, x)
    end
  end

  def xml(node)
    node.each_recursive do |e|
      e.attributes.each_attribute { |a| add('xml', a.name, a.value) }
      e.texts.each { |t| add('xml', e.name, t.value) }
    end
  end
end

$stdout.sync = true
$stdin.each_line do |line|
  env = JSON.parse(line)
  body = Base64.strict_decode64(env.delete('body'))
  env.transform_values! { |v| v.encode('ISO-8859-1').force_encoding('BINARY') } # a character is a byte
  report = Report.new
  report.trying { URI.decode_www_form(env['QUERY_STRING']).each { |k, v| report.add('query', k, v) } }
  kind = env['CONTENT_TYPE'].to_s.split(';').first.to_s.strip.downcase
  if kind == 'application/x-www-form-urlencoded'
    report.trying { URI.decode_www_form(body).each { |k, v| report.add('form', k, v) } }
  end
  if defined?(Rack)
    env['rack.input'] = StringIO.new(body.b)
    request = Rack::Request.new(env)
    report.trying { report.leaves('query', '', request.GET) }
    report.trying { report.leaves('cookie', '', request.cookies) }
    report.trying { report.leaves('form', '', request.POST) }
  end
  unless body.empty?
    report.trying { report.leaves('json', '', JSON.parse(body.dup.force_encoding('UTF-8'))) }
    report.trying { report.xml(REXML::Document.new(body)) } if defined?(REXML)
  end
  puts JSON.generate(report.entries)
end

# Reports what Perl's CGI.pm reads from requests.
#
# A request comes as a line on standard input: a JSON object with the variables of CGI, and the
# body in base64. The answer is a line as well: a JSON array of [where, name, value], names
# and values in base64.

use strict;
use warnings;
no warnings 'recursion';
use CGI;
use CGI::Cookie;
use JSON::PP;
use MIME::Base64;

$| = 1;
$CGI::LIST_CONTEXT_WARN = 0;
$CGI::POST_MAX = -1;
my $json = JSON::PP->new->utf8->allow_nonref->boolean_values(\'false', \'true');
my @report;

sub add {
	my ($where, $name, $value) = @_;
	for ($name, $value) {
		$_ = '' unless defined;
		utf8::encode($_) if utf8::is_utf8($_);
	}
	push @report, [$where, encode_base64($name, ''), encode_base64($value, '')];
}

sub leaves {
	my ($name, $x) = @_;
	if (ref $x eq 'HASH') {
		for my $k (keys %$x) {
			add('json', $k, $k);
			leaves($k, $x->{$k});
		}
	} elsif (ref $x eq 'ARRAY') {
		leaves($name, $_) for @$x;
	} elsif (ref $x eq 'SCALAR') {
		add('json', $name, $$x);
	} elsif (defined $x) {
		add('json', $name, "$x");
	}
}

while (my $line = <STDIN>) {
	my $env = decode_json($line);
	my $body = decode_base64(delete $env->{body});
	@report = ();
	local %ENV = %ENV;
	for my $k (keys %$env) {
		my $v = $env->{$k};
		utf8::downgrade($v); # a character is a byte
		$ENV{$k} = $v;
	}
	CGI::initialize_globals();
	$CGI::LIST_CONTEXT_WARN = 0;
	eval {
		die unless $ENV{REQUEST_METHOD} =~ /^(?:GET|POST)$/; # it takes other bodies for queries
		open my $in, '<', \$body or die;
		local *STDIN = $in;
		my $q = CGI->new;
		for my $name ($q->param) {
			next if $name =~ /^(?:POSTDATA|XForms:Model|keywords)$/; # a body that it does not parse
			for my $v ($q->multi_param($name)) {
				if (ref $v) {
					add('filename', $name, "$v");
					local $/;
					my $content = <$v>;
					add('content', $name, $content);
				} else {
					add('form', $name, $v);
				}
			}
		}
		for my $name ($q->url_param) {
			next if $name eq 'keywords'; # the query as a whole
			add('query', $name, $_) for $q->url_param($name);
		}
	};
	eval {
		my %cookies = CGI::Cookie->parse($ENV{HTTP_COOKIE});
		for my $name (keys %cookies) {
			add('cookie', $name, $_) for $cookies{$name}->value;
		}
	};
	eval { leaves('', $json->decode($body)) };
	print encode_json(\@report), "\n";
}

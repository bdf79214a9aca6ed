package mask
import ("testing";"fmt";"encoding/base64")
func TestProbe(t *testing.T){
 b:=func(s string) string {return base64.StdEncoding.EncodeToString([]byte(s))}
 v:=func(target,s string){ fmt.Printf("V %s %q\n   %q\n",target,s,std.Value(target,s)) }
 h:=func(n,s string){ fmt.Printf("H %s %q\n   %q\n",n,s,std.Header(n,s)) }
 u:=func(s string){ fmt.Printf("U %q\n   %q\n",s,std.URL(s)) }
 bd:=func(k,s string){ fmt.Printf("B %s %q\n   %q\n",k,s,std.Body(k,[]byte(s),false)) }
 h("Authorization","Token abc"); h("X-Auth","abc"); h("AUTHORIZATION","x"); h("Proxy-Authenticate","Basic realm=x"); h("WWW-Authenticate","Digest nonce=\"abc\", opaque=\"x\"")
 h("Authentication-Info","nextnonce=abc"); h("X-Goog-IAP-JWT-Assertion","abc"); h("X-Amzn-Oidc-Data","eyJ0eXAi.eyJz.abcd"); h("Set-Cookie","sid=\"a; b\"; Path=/"); h("Cookie","a=\"x; y=z\"; b=1")
 h("X-Forwarded-Client-Cert","By=spiffe://x;Hash=abc;Subject=\"CN=jane\""); h("Cf-Access-Jwt-Assertion","x"); h("Link","</reset/4f9c2ab1>; rel=x"); h("Refresh","0; url=/x?session=abc"); h("Content-Disposition","attachment; filename=\"token=abc.txt\"")
 h("Destination","http://h/?token=abc"); h("SOAPAction","\"password=abc\""); h("X-Original-URL","/reset/4f9c2ab1?token=abc"); h("X-Rewrite-Url","/a?password=ab"); h("Grpc-Metadata-X","abc"); h("Sec-WebSocket-Key","dGhlIHNhbXBsZSBub25jZQ=="); h("X-Ssh-Key","a")
 h("Authorization-Bin",b("abc")); h("X-Data-Bin",b("token: abcdefgh"))
 h("Traceparent","00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"); h("Etag","\"5e8f8c5a-4111111111111111\""); h("If-None-Match","W/\"4f9c2ab17de0534c4111111111111111\"")
 u("/a?user[password]=x&user.password=y&user%5Bpass%2577ord%5D=z"); u("/a?pass+word=x"); u("/a?PASSWORD=x;b=1"); u("/a?a=1;password=x"); u("/a?password%3Dx"); u("/a?%70%61%73%73%77%6f%72%64=x"); u("//u:p@h/x"); u("/a?u=//jane:pw@h/x"); u("/a?x=jane%3Apw%40h"); u("https://token@h/x"); u("/a?url=https://ghp@h")
 u("/a#access_token=x&b=1"); u("/a?code=4/0Axyz&state=abc"); u("/a?key=abc"); u("/oauth/callback?code=abc&id_token=x"); u("/a?otp=123456"); u("/password=x/y"); u("/a?q=password=x"); u("/a?q=password%3Ax"); u("/a?x[]=1&password[]=y"); u("/%2e%2e/reset%2f4f9c2ab17de0")
 u("/a?next=/reset/4f9c2ab17de0"); u("/a?q=4111%201111%201111%201111"); u("/a?q=4111.1111.1111.1111"); u("/a?q=4111_1111_1111_1111"); u("/a?q=4111%E2%80%931111%E2%80%931111%E2%80%931111"); u("/a?q=4111%C2%A01111%C2%A01111%C2%A01111"); u("/4111/1111/1111/1111")
 v("ARGS:q","pass:hunter2"); v("ARGS:q","user=jane pass=hunter2 x=1"); v("ARGS:q","--password hunter2 --x"); v("ARGS:q","-phunter2"); v("ARGS:q","PASSWORD 'hunter2'"); v("ARGS:q","IDENTIFIED BY 'hunter2'"); v("ARGS:q","password is hunter2"); v("ARGS:q","curl -u jane:hunter2 https://h"); v("ARGS:q","mysql://jane:hun@ter2@h/x"); v("ARGS:q","jdbc:mysql://h/x?user=a&password=b"); v("ARGS:q","Server=h;User Id=sa;Password=x;y=1"); v("ARGS:q","password => hunter2"); v("ARGS:q","password := \"x\""); v("ARGS:q","'password', 'hunter2'"); v("ARGS:q",`["password","hunter2"]`); v("ARGS:q",`a:1:{s:8:"password";s:7:"hunter2";}`)
 v("ARGS:json.array_1","x"); v("ARGS_NAMES:token=abc","token=abc"); v("ARGS_NAMES","eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.x"); v("FILES","password=x.txt"); v("FILES_NAMES","f"); v("MULTIPART_PART_HEADERS:password","Content-Disposition: form-data; name=\"password\""); v("REQUEST_PROTOCOL","HTTP/1.1"); v("TX:0","password=x"); v("MATCHED_VAR","hunter2"); v("REMOTE_USER","jane"); v("AUTH_TYPE","Basic"); v("RESPONSE_BODY",`{"token":"x"}`); v("RESPONSE_HEADERS:Location","/reset/4f9c2ab1?token=a"); v("RESPONSE_HEADERS:Set-Cookie","a=b")
 v("ARGS:token","")
 v("ARGS:code","123456"); v("ARGS:q","%uFF50assword=x"); v("ARGS:q","ｐａｓｓｗｏｒｄ=x"); v("ARGS:q","pass\x00word=x"); v("ARGS:q","p&#97;ssword=x"); v("ARGS:q",`\x70assword=x`); v("ARGS:q",`\160assword=x`)
 bd("application/json",`{"a":"\u0070assword=x"}`); bd("application/json",`["password","hunter2"]`); bd("application/json",`{"password":{"$ne":1}}`); bd("application/json","{\"pass\\u0077ord\":\"x\"}"); bd("application/json",`{"Password ":"x"}`); bd("application/json",`{"n":4111111111111111.0}`); bd("application/json",`{"n":4.111111111111111e15}`); bd("application/json",`{"list":[["Authorization","Bearer abc"],["Cookie","a=b"]]}`); bd("application/json",`{"headers":{"Cookie":"a=b","X":"y"}}`)
 bd("application/x-www-form-urlencoded","password=a%26b=c&x=1"); bd("application/x-www-form-urlencoded","user%5Bpassword%5D=x&a%2Epassword=y&pass+word=z"); bd("application/x-www-form-urlencoded","a=1;password=x")
 bd("application/json5",`{password:'x',a:1}`); bd("application/xml",`<a password='x'/>`); bd("application/xml",`<password><![CDATA[x]]></password>`); bd("application/xml",`<entry key="password">x</entry>`); bd("application/xml",`<password
>x</password>`); bd("text/plain","password\n\nhunter2"); bd("text/csv","user,password\njane,hunter2\n"); bd("text/plain","password\thunter2"); bd("application/toml","password = \"x\"\n[a]\ntoken='y'"); bd("text/plain","machine h login jane password hunter2"); bd("text/plain","export AWS_SECRET_ACCESS_KEY=abc/def+x\nX=1")
 bd("text/html",`<a href="/reset/4f9c2ab17de0">x</a><a href="https://h/verify?token=abc&amp;x=1">y</a>`); bd("text/html",`<form action="/x?token=abc"><input type=password value=abc><textarea name="secret">x y</textarea>`)
}

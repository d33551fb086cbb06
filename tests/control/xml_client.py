"""Python's own XML-RPC client against a control socket: xml_client.py URL."""
import sys
import xmlrpc.client

server = xmlrpc.client.ServerProxy(f"{sys.argv[1]}/RPC2", allow_none=True)
assert server.examples.echo("grüße <&>") == "grüße <&>"
assert "worker.list" in server.system.listMethods()
assert server.system.methodSignature("worker.status") == [["struct"], ["int", "string"]]
assert server.system.getCapabilities()["faults_interop"]["specVersion"] == 20010516
try:
    server.examples.echo(5)
    raise SystemExit("an int was taken for a text")
except xmlrpc.client.Fault as fault:
    assert fault.faultCode == -32602, fault
multi = xmlrpc.client.MultiCall(server)
multi.examples.echo("a")
multi.no.such.method()
results = multi()
assert results[0] == "a"
try:
    results[1]
    raise SystemExit("an unknown method was called")
except xmlrpc.client.Fault as fault:
    assert fault.faultCode == -32601, fault
print("ok")

import socket,time
s=[]
for i in range(1000):
    c=socket.socket(socket.AF_UNIX); c.connect("/tmp/tmp.z44KVVFoaA/c.sock"); s.append(c)
time.sleep(1)
import subprocess
print(open("/proc/11956/status").read().split("RssAnon")[1].split("\n")[0])
import os
print(len(os.listdir("/proc/11956/fd")))

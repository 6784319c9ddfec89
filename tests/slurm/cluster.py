"""A Slurm of one node on the loopback interface, as its own processes in a temporary folder.

Started by whoever uses it and ended by its own process ids: nothing of the system's configuration is touched. Needs the programs of
Debian's packages slurmctld, slurmd, slurm-client and munge, and root.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel"]

CONFIGURATION = """
ClusterName=topwork
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={d}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=5
SlurmdTimeout=30
MaxArraySize=1001
SchedulerParameters=sched_interval=1,batch_sched_delay=0
PreemptType=preempt/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """The programs that are not there."""
    path = os.environ["PATH"] + ":/usr/sbin"
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class CannotStart(Exception):
    """Slurm is installed and does not work here."""


class Cluster:
    """`with Cluster(folder) as cluster:` starts it and ends it."""

    def __init__(self, folder, cpus=2):
        self.folder = folder
        self.cpus = cpus
        self.processes = {}
        self.environment = dict(
            os.environ,
            PATH=os.environ["PATH"] + ":/usr/sbin",
            SLURM_CONF=f"{folder}/slurm.conf",
        )

    def __enter__(self):
        for part in ["state", "spool"]:
            os.makedirs(f"{self.folder}/{part}")
        host = socket.gethostname().split(".")[0]
        with open(f"{self.folder}/slurm.conf", "w") as file:
            file.write(
                CONFIGURATION.format(
                    host=host,
                    folder=self.folder,
                    cpus=self.cpus,
                    ctld=free_port(),
                    d=free_port(),
                )
            )
        key = f"{self.folder}/munge.key"
        with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o400), "wb") as file:
            file.write(secrets.token_bytes(1024))
        self.start(
            "munged",
            [
                "--foreground",
                "--force",
                f"--key-file={key}",
                f"--socket={self.folder}/munge.socket",
                f"--pid-file={self.folder}/munged.pid",
                f"--log-file={self.folder}/munged.log",
                f"--seed-file={self.folder}/munged.seed",
            ],
        )
        try:
            self.start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start_all(self):
        self.await_("munge's socket", lambda: os.path.exists(f"{self.folder}/munge.socket"))
        self.start("slurmctld", ["-D", "-i"])
        self.start("slurmd", ["-D"])
        self.await_("an idle node", lambda: "IDLE" in self.say("scontrol", "show", "node"))

    def __exit__(self, *_):
        try:
            self.say("scancel", "--full", "--user=root")
        finally:
            for name in ["slurmd", "slurmctld", "munged"]:
                self.stop(name)

    def start(self, name, arguments):
        log = open(f"{self.folder}/{name}.out", "ab")
        self.processes[name] = subprocess.Popen(
            [name, *arguments], env=self.environment, stdout=log, stderr=log
        )

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name, None)
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def restart_node(self):
        """As if the machine lost its power: slurmd and what it has started are killed, and it comes back."""
        steps = self.steps()
        self.stop("slurmd", signal.SIGKILL)
        for step in steps:
            kill(step, signal.SIGKILL)
        self.start("slurmd", ["-D"])

    def steps(self):
        """The processes that look after jobs, and what they have started."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                environment = open(f"/proc/{pid}/environ", "rb").read()
                command = open(f"/proc/{pid}/cmdline", "rb").read()
            except OSError:
                continue
            of_job = f"SLURM_CONF={self.folder}/slurm.conf".encode() in environment
            if command.startswith(b"slurmstepd") or (of_job and b"SLURM_JOB_ID=" in environment):
                found.append(int(pid))
        return found

    def say(self, *command):
        """Runs a command of Slurm, or of anything that is to find this one, and gives what it prints."""
        try:
            done = subprocess.run(
                command, env=self.environment, capture_output=True, text=True, timeout=60
            )
        except subprocess.TimeoutExpired:
            # Where the controller is not there its programs ask for long.
            return ""
        return done.stdout + done.stderr

    def jobs(self, state="pending,configuring,running,completing,suspended"):
        """The jobs in the queue that are not over: `(number as scontrol takes it, state)`."""
        lines = self.say("squeue", "--noheader", "--array", "--format=%i %T", f"--states={state}")
        return [tuple(line.split()) for line in lines.splitlines() if len(line.split()) == 2]

    def await_(self, what, holds, seconds=60):
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise CannotStart(f"no {what} within {seconds} s")
            time.sleep(0.1)


def kill(process, how):
    try:
        os.kill(process, how)
    except ProcessLookupError:
        pass

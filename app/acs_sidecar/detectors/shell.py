"""`shell_risk`: commands that destroy, fetch and run, open a shell to elsewhere, read credentials, or hide."""

import re
from collections.abc import Iterable

from acs_sidecar.detectors.findings import Detector, Found, standing
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.rules import DetectorRule, RuleSet
from acs_sidecar.detectors.text_offsets import Remaining
from acs_sidecar.detectors.typography import typed
from acs_sidecar.detectors.value_texts import text_detector

__all__ = ["CATEGORIES", "detector"]

CATEGORIES = (
    "credential_access",
    "destructive",
    "obfuscation",
    "persistence",
    "privilege",
    "remote_code",
    "reverse_shell",
)

_WRAPPED = r"(?:(?:sudo|doas|env|nohup|nice|ionice|timeout|setsid|stdbuf|time|command|exec|xargs|busybox)\s+(?:-\S+\s+|\d+[smhd]?\s+|\w+=\S*\s+){0,4}){0,3}"
_RUN = rf"{_WRAPPED}(?:\S{{0,20}}/)?(?:(?:ba|z|da|k)?sh\s+-\w{{0,4}}c\s+[\"']?\s{{0,3}}{_WRAPPED}(?:\S{{0,20}}/)?)?"
_SHELL = rf"{_WRAPPED}(?:[\w./]*/)?(?:(?:ba|z|da|k|a|fi|c|tc)?sh|python[\d.]*|perl|ruby|node|php|iex|pwsh|powershell|invoke-expression)\b"
_FETCH = r"\b(?:curl|wget|fetch|aria2c|lwp-request|iwr|irm|invoke-webrequest|invoke-restmethod)\b"
_ROOTS = r"(?:etc|usr|var|home|boot|bin|sbin|lib|lib64|root|opt|srv|dev|sys|proc|users|windows|system|library|applications|mnt|data)"
_EVERYTHING = rf"[\"']?(?:/+\*?|/+\.|~/?\*?|\$\{{?home\}}?/?\*?|\*|\.\.?/?\*?|/+{_ROOTS}/?\*?|[a-z]:[\\/]*\*?|%userprofile%|%systemroot%)[\"']?(?:\s|$|[;&|)\x00])"
_DISK = r"/dev/(?:sd[a-z]|nvme\d|hd[a-z]|vd[a-z]|xvd[a-z]|mmcblk\d|disk\d|mapper/|md\d)"
_CREDENTIAL_FILE = (
    r"(?:/etc/(?:shadow|gshadow|sudoers\b|master\.passwd|krb5\.keytab)|\.ssh/(?:id_\w+(?:\.pub\b)?|identity|\*)|\bid_(?:rsa|ed25519|ecdsa|dsa)\b(?:\.pub\b)?|\.aws/(?:credentials|config)|\.netrc\b|\.pgpass\b|\.my\.cnf"
    r"|\.docker/config\.json|\.kube/config|\.git-credentials|\.gnupg/|\.npmrc\b|\.pypirc\b|gcloud/(?:credentials\.db|application_default|legacy_credentials)"
    r"|\.azure/(?:accesstokens|msal)|/proc/(?:self|\d+)/environ|login data\b|cookies\.sqlite|key4\.db|logins\.json|ntds\.dit|config[\\/]sam\b|\.bash_history|\.zsh_history|\.vault-token|\.config/gh/hosts\.yml"
    r"|/run/secrets/|serviceaccount/token|\.password-store|wallet\.dat|\.terraform\.d/credentials)"
)
_TREE = rf"[\"']?(?:/+|~/?|\$\{{?home\}}?/?|\*|\.\.?/?|/+{_ROOTS}/?)[\"']?"
_READ = r"\b(?:cat|less|more|head|tail|cp|mv|scp|rsync|base64|xxd|od|tar|zip|gpg|type|get-content|gc|grep|egrep|strings|awk|sed|dd|curl|wget|nc|openssl|copy|tac|nl|cut|sort|python[\d.]*|perl|ruby|tee|source|ssh-add|find|7z|hexdump|vi|vim|nano|open)\b"


def _no_public_key(text: str) -> int:
    """Accept the file of a credential, but not the public half of a key."""
    return 0 if text.endswith(".pub") else len(text)


_HOME = r"(?:~|\$\{?home\}?|/root|/home/[\w.-]+|/users/[\w.-]+|%userprofile%|\$env:userprofile|\.)?[/\\]?"
_KEY_FOLDER = rf"(?:\s|[\"'=:,@]){_HOME}\.(?:ssh|gnupg|aws|kube|docker|azure|password-store|config/(?:gcloud|gh|op)|electrum|mozilla)(?:/?(?:[\s\"'|;&)\x00]|\*|$))"
_SEND = r"\b(?:curl|wget|nc|ncat|netcat|socat|scp|sftp|rsync|rclone|ftp|ssh|telnet|mail|sendmail|aws\s+s3|gsutil|s3cmd|openssl\s+s_client)\b"
_PICKED = (  # some of the files, not all of them
    r"-i?(?:name|path|wholename|regex)\s+[\"']?(?:[^\s*\"']|\*[^\s*\"'])\S*|\b(?:e|z|rip)?grep\s|\brg\s|\bawk\s"
)
_ANY = r"(?:\s+(?:-(?:type|maxdepth|mindepth|size|user|mtime|newer)\s+\S+|-(?:xdev|depth|mount|print0?|follow|L|H|P)|-i?name\s+[\"']?\*[\"']?)){0,5}"
_GIT_RUNS = r"(?:core\.(?:sshcommand|fsmonitor|editor|pager|gitproxy|askpass)|sequence\.editor|diff\.\S{1,40}|(?:diff|merge)tool\.\S{1,40}|gpg\S{0,10}\.program|credential\S{0,40}\.helper|filter\.\S{1,40}|pager\.\w{1,20}|(?:remote\.\S{1,40}\.)?(?:upload|receive)pack)"
_RUNS = r"(?:\b(?:ba|z|da|k)?sh\b|\b(?:curl|wget|nc|ncat|socat|python[\d.]*|perl|ruby|rm)\s|/tmp/)"

_RULES = RuleSet(
    DetectorRule(category, rf"(?i){pattern}", score, _no_public_key if _CREDENTIAL_FILE in pattern else len)
    for category, score, pattern in (
        ("destructive", 0.9, rf"\brm\s+(?:-\S+\s+)*(?:-\w*r\w*|--recursive)\s+(?:-\S+\s+)*(?:[^\s;&|]+\s+){{0,4}}{_EVERYTHING}"),
        ("destructive", 0.9, r"\brm\s+(?:-\S+\s+)*(?:-\w*r\w*|--recursive)\s+(?:[^\s;&|]+\s+){0,4}[\"']?/(?:etc|usr|bin|sbin|lib|lib64|boot|sys|proc|dev|var/lib|var/log)/|--no-preserve-root"),
        ("destructive", 0.9, rf"\bmkfs(?:\.\w+)?\s+(?:-\S+\s+\S*\s*)*/dev/|\bwipefs\s+-|\bdd\s[^\n;|]*\bof={_DISK}|>\s{{0,3}}{_DISK}|\bshred\b[^\n;|]*(?:/dev/|-\w*u|--remove)|\bblkdiscard\b"),
        ("destructive", 0.9, r":\s{0,2}\(\)\s{0,2}\{\s{0,2}:\s{0,2}\|\s{0,2}:\s{0,2}&\s{0,2}\}\s{0,2};\s{0,2}:|\bwhile\s+(?:true|:)\s{0,2};\s{0,2}do\s+fork\b|%0\s{0,2}\|\s{0,2}%0"),
        ("destructive", 0.8, rf"\b(?:chmod|chown|chgrp)\s+(?:-\S+\s+)*-?\w*r\w*\s+[^\s;|&]+\s+{_EVERYTHING}"),
        ("destructive", 0.8, rf"\bfind\s+[\"']?(?:/(?:{_ROOTS}/?)?|~/?|\$home/?)[\"']?\s[^\n;|]*-exec(?:dir)?\s+{_RUN}(?:rm|shred)\b|\bfind\s+(?:/|~)\S*\s[^\n;|]*-delete\b"),
        ("destructive", 0.8, rf"\bfind(?:\s+(?:-[LHP]\s+)?{_TREE})?{_ANY}\s+(?:-delete\b|-(?:exec|ok)(?:dir)?\s+{_RUN}(?:rm|unlink)\s)|-(?:exec|ok)(?:dir)?\s+{_RUN}shred\s"),
        ("destructive", 0.8, rf"\bfind(?:\s+(?:-[LHP]\s+)?{_TREE})?{_ANY}\s*\|\s{{0,3}}{_WRAPPED}(?:xargs|parallel)\s[^\n;|]{{0,80}}\b(?:rm|unlink)\b"),
        ("destructive", 0.8, rf"(?:(?:{_PICKED})[^\n;]*\|\s{{0,3}}{_WRAPPED}(?:xargs|parallel)\s[^\n;|]*|(\b(?:xargs|parallel)\s[^\n;|]*(?:\b(?:rm|chmod|chown)\s+(?:-\S+\s+){{0,4}}-\w*r\w*|\brm\s+(?:-\S+\s+){{0,4}}--recursive|\b(?:shred|wipe|srm)\s)))"),
        ("destructive", 0.6, r"\bgit\s+push\s+(?:\S+\s+){0,3}(?:--force|-f|--mirror|--delete)\b[^\n;|&]*\b(?:main|master|release|production)\b|\bgit\s+push\s+(?:\S+\s+){0,3}(?:main|master)\s+(?:--force|-f)(?:\s|$)|\bgit\s+push\s+\S+\s+\+(?:main|master)\b|\bgit\s+(?:filter-branch|update-ref\s+-d)\b"),
        ("destructive", 0.7, r"\bdrop\s+(?:database|schema|table|user)\s+(?:if\s+exists\s+)?[\w.\"`\[]|\btruncate\s+table\s+\w|\bdelete\s+from\s+[\w.\"`]+\s{0,3}(?:;|$|[\"'\x00])|\bdelete\s+from\s+[\w.]+\s+where\s+(?:1\s{0,2}=\s{0,2}1|true)\b|\bdropdb\s|\.dropdatabase\(|\bflushall\b|\bflushdb\b"),
        ("destructive", 0.7, r"\bkubectl\s+delete\s+(?:\S+\s+){0,4}(?:--all\b|ns\b|namespaces?\b|-A\b|pvc?\b|crd)|\bhelm\s+(?:uninstall|delete)\b[^\n;]*prod|\bterraform\s+(?:\S+\s+)?destroy\b|\bpulumi\s+destroy\b|\bdocker\s+(?:system|volume)\s+prune\s+[^\n;]*-\w*[af]|\bdocker\s+rm\s+-\w*f\w*\s+\$\("),
        ("destructive", 0.8, r"\baws\s+s3\s+(?:rb\s[^\n;]*--force|rm\s[^\n;]*--recursive)|\baws\s+\S+\s+(?:delete-(?:db-instance|bucket|stack|cluster|table|user)|terminate-instances)|\bgcloud\s+(?:projects|sql\s+instances|compute\s+instances)\s+delete\b|\bgsutil\s+(?:-m\s+)?rm\s+-r|\baz\s+group\s+delete\b"),
        ("destructive", 0.9, r"\bremove-item\b[^\n;|]*-recurse[^\n;|]*(?:[a-z]:\\(?:\s|\*|$|windows|users)|~|\$env:|\$home)|\bremove-item\b[^\n;|]*(?:[a-z]:\\(?:\s|\*|windows|users)|~|\$env:)[^\n;|]*-recurse|\bformat\s+[c-z]:|\bformat-volume\b|\bclear-disk\b|\bdel\s+(?:/[sfqa]\s+){1,4}[a-z]:\\|\brd\s+/s\s+(?:/q\s+)?[a-z]:\\|\bvssadmin\s+delete\s+shadows|\bwbadmin\s+delete|\bcipher\s+/w:|\bbcdedit\s+/set"),
        ("destructive", 0.6, r"(?:^|[;&|\n\x00]\s{0,3}|\bsudo\s+)(?:shutdown|reboot|halt|poweroff|init\s+[06]|telinit\s+[06])(?:\s+(?:-|now|/)|\s{0,3}$|\s{0,3}[;&])|\bsystemctl\s+(?:reboot|poweroff|halt)\b|\bkill\s+(?:-9|-kill|-s\s+kill)\s+-1\b|\bkill\s+-9\s+1(?:\s|$)|\bpkill\s+-9\s+(?:-u\s+root|\.)|\bkillall\s+-9\b"),
        ("destructive", 0.8, r">\s{0,3}/etc/(?:passwd|shadow|fstab|hosts|group|ssh/sshd_config)\b|\bmv\s+\S+\s+/dev/null\b|\btruncate\s+-s\s{0,2}0\s+/(?:etc|var|boot)|\bshutil\.rmtree\(\s{0,2}[\"'](?:/|~|[a-z]:)[\"'/\\a-z]{0,12}\)|\bfs\.rmsync\([\"']/[\"']|\bcrontab\s+-r\b|\buserdel\s+-r?\s{0,2}\w|\bpasswd\s+-d\s+root"),
        ("destructive", 0.6, r"\biptables\s+(?:-F|--flush)|\bufw\s+disable\b|\bsetenforce\s+0\b|\bsystemctl\s+(?:stop|disable|mask)\s+(?:--now\s+)?(?:firewalld|auditd|apparmor|falcon|sshd|ufw|crowdstrike|rsyslog)|\bset-mppreference\s+-disable|\bhistory\s+-c\b|\bunset\s+histfile\b|\brm\s+(?:-\S+\s+)*(?:~/)?\.bash_history|\brm\s+(?:-\S+\s+)*/var/log\b|\bwevtutil\s+cl\b|\bjournalctl\s+--vacuum-\w+=1"),
        ("remote_code", 0.9, rf"{_FETCH}[^|;\n]*\|\s{{0,3}}(?:[^|;\n]{{1,60}}\|\s{{0,3}}){{0,2}}{_SHELL}"),
        ("remote_code", 0.9, rf"(?:\b(?:ba|z|da|k)?sh\b|\beval\b|\bsource\b|\bpython[\d.]*\b|\bperl\b|\bexec\b|(?:^|\s)\.)\s+(?:-\w+\s+)?[\"']?(?:\$\(|`|<\()\s{{0,3}}{_FETCH}"),
        ("remote_code", 0.8, rf"{_FETCH}[^\n|]*(?:&&|;)\s{{0,3}}(?:sudo\s+)?(?:chmod\s+(?:\+x|a\+x|u\+x|7\d\d|0?755)\s|(?:ba|z|da)?sh\s+\S|python[\d.]*\s+\S|\./\w)"),
        ("remote_code", 0.9, r"\b(?:iex|invoke-expression)\b[^\n]*(?:downloadstring|iwr|irm|invoke-webrequest|invoke-restmethod|http)|\bdownload(?:string|file|data)\(|\bcertutil\b[^\n]*-urlcache|\bbitsadmin\b[^\n]*/transfer|\bmshta\s+(?:https?:|javascript:|vbscript:)|\bregsvr32\b[^\n]*(?:scrobj|/i:http)|\brundll32\b[^\n]*javascript|\bwmic\b[^\n]*process\s+call\s+create|\bmsiexec\b[^\n]*https?:"),
        ("remote_code", 0.6, r"\b(?:pip3?|uv pip)\s+install\s+(?:\S+\s+){0,5}(?:git\+)?http:|\b(?:pip3?|uv pip)\s+install\s+(?:\S+\s+){0,5}(?:--(?:extra-)?index-url|-i)[ =]http:|\bnpm\s+(?:i|install)\s+(?:\S+\s+){0,3}https?://|\bpython[\d.]*\s+-c\s[^\n]*(?:urlopen|requests\.get|urllib)[^\n]*\b(?:exec|eval)\b|\bpython[\d.]*\s+-c\s[^\n]*\b(?:exec|eval)\([^\n]*(?:urlopen|requests\.get)|\bnode\s+-e\s[^\n]*(?:eval|child_process)[^\n]*http|\bdocker\s+run\s[^\n]*\bcurl\b[^\n]*\|\s{0,2}sh"),
        ("remote_code", 0.7, rf"\bgit\s[^\n;|&]{{0,80}}-c\s{{0,3}}[\"']?(?:alias\.\S{{1,30}}=[\"']?!|{_GIT_RUNS}=[^\n]*{_RUNS})|\bgit\s[^\n;|&]{{0,80}}\b(?:difftool|mergetool)\s[^\n]*(?:-x|--extcmd)[ =]?[\"']?\S*{_RUNS}|\bext::(?:\S*/)?(?:ba|z|da|k)?sh\b"),
        ("remote_code", 0.7, r"(?:--pre|--preprocessor|--to-command|--(?:use-)?compress-program|--rsh|--rsync-path|--upload-pack|--receive-pack|--open-files-in-pager|--hostname-bin|--extcmd|--pager|-o\s?(?:proxy|local)command|\bman\s(?:[^\n;|&]{0,40}\s)?-p)[ =][\"']?(?:\S*/)?(?:(?:(?:ba|z|da|k)?sh|curl|wget|nc|ncat|perl|ruby)\b|(?:tmp|dev/shm)/|[^\s\"'=]{1,80}\.(?:sh|py|pl|rb)\b)|--checkpoint-action[ =][\"']?exec=|\b(?:vim?|vimdiff|nvim|ex|view)\s(?:[^\n;|&]{0,80}\s)?(?:-c\s{0,3}|--cmd[ =]|\+)[\"']?:?\s{0,3}!|\bzip\s[^\n;|&]{0,80}\s-TT[ =]?[\"']?(?:\S*/)?(?:ba|z|da|k)?sh\b"),
        ("reverse_shell", 0.95, r"/dev/(?:tcp|udp)/[^\s/]+/\d|/inet/tcp/|\b(?:ba|z|k)?sh\s+-i\s{0,3}(?:[<>&\d]|\|)|\b(?:nc|ncat|netcat)\b(?:\s+-\w+|\s+[\w.-]+){0,6}\s+(?:-\w*[ec]\w{0,3}|--exec|--sh-exec)\s+\S*(?:sh|cmd|powershell)|\b(?:nc|ncat|netcat)\s+-\w*e\w*\s|\bmkfifo\b[^\n]*\b(?:nc|ncat|telnet|openssl)\b|\bmknod\s[^\n]*\bp\b[^\n]*\b(?:nc|telnet)\b"),
        ("reverse_shell", 0.95, r"\bsocat\b[^\n]*\bexec:|\bpython[\d.]*\s+-c\s[^\n]*\bsocket\b[^\n]*(?:subprocess|pty|dup2|/bin/|connect)|\bperl\b[^\n]*\bsocket\b[^\n]*\bexec\b|\bruby\b[^\n]*(?:-rsocket|tcpsocket)|\bphp\b[^\n]*fsockopen|\blua\b[^\n]*socket[^\n]*(?:execute|popen)|\bnet\.sockets\.tcpclient|\btelnet\s[^\n|]*\|\s{0,3}/bin/\w*sh|\b(?:nc|ncat|netcat)\b[^\n|]*\|\s{0,3}(?:/bin/)?(?:ba|z)?sh\b|\bopenssl\s+s_client[^\n]*\|\s{0,2}/bin/|\bmsfvenom\b|\bmeterpreter\b|\bbash\s+-c\s+[\"']?bash\s+-i"),
        ("credential_access", 0.8, rf"{_READ}[^\n;|]*{_CREDENTIAL_FILE}|(?:@|<\s{{0,2}}|file://)[~\w/$.{{}}-]*{_CREDENTIAL_FILE}"),
        ("credential_access", 0.5, rf"{_CREDENTIAL_FILE}"),
        ("credential_access", 0.0, rf"\bssh(?:-keygen|-copy-id)?\s(?:[^\n;|&]{{0,80}}\s)?-[if]\s{{0,3}}[~\w/$.{{}}-]{{0,60}}{_CREDENTIAL_FILE}"),
        ("credential_access", 0.8, rf"\b(?:tar|zip|7z|cpio|gpg|base64|cp)\b[^\n;]*{_KEY_FOLDER}[^\n]*{_SEND}|\b(?:scp|sftp|rsync|rclone|aws\s+s3|gsutil|s3cmd)\b[^\n;|]*{_KEY_FOLDER}"),
        ("credential_access", 0.6, rf"\b(?:tar|zip|7z|cpio)\b[^\n;|]*{_KEY_FOLDER}"),
        ("credential_access", 0.7, rf"{_READ}[^\n;|&]*(?:^|[\s/\"'@])\.env(?:\.(?:local|prod|production|staging))?(?:\s|$|[;&|\"'])[^\n]*"),
        ("credential_access", 0.8, r"\b(?:printenv|env|set|export)\s{0,3}\|\s{0,3}(?:curl|nc|ncat|base64|grep\s+(?:-\w+\s+){0,3}[\"']?\S*(?:key|token|secret|pass|aws))|\bcurl\b[^\n]*(?:-d|--data\S*|-F)\s+[\"']?@?[\"']?\$\((?:env|printenv|cat)\b|169\.254\.169\.254|metadata\.google\.internal|\bsecurity\s+(?:find-(?:generic|internet)-password|dump-keychain)|\bmimikatz\b|\bsekurlsa\b|\bprocdump\b[^\n]*lsass|\breg\s+save\s+hklm\\(?:sam|security|system)|\bcmdkey\s+/list|\bsecretsdump|\bhashdump\b|\bhistory\s{0,3}\|\s{0,3}grep\s[^\n]*(?:pass|token|key|secret)|\bkubectl\s+get\s+secrets?\b[^\n]*-o|\bgrep\s+(?:-\w+\s+){1,4}[^\n|]*(?:passw|secret|api_key|token|begin[^\n]*private)[^\n|]*\s(?:/|~|/home|/etc)(?:\s|$)|\baws\s+(?:iam\s+create-access-key|sts\s+get-session-token|configure\s+get)|\bgh\s+auth\s+token|\bgcloud\s+auth\s+print-(?:access|identity)-token|\bdocker\s+inspect[^\n]*\.env\b|\bunshadow\b|\bhashcat\b"),
        ("obfuscation", 0.9, rf"\bbase(?:64|32)\b\s+(?:-d|--decode|-di|-D)\b[^\n;]*\|\s{{0,3}}{_SHELL}|\bxxd\s+-r[^\n;]*\|\s{{0,3}}{_SHELL}|\b(?:rev|tr|gunzip|zcat|openssl\s+enc|openssl\s+base64)\b[^\n;|]*\|\s{{0,3}}{_SHELL}|\b(?:printf|echo)\b[^\n;|]*\|\s{{0,3}}(?:[^\n;|]{{1,60}}\|\s{{0,3}}){{0,2}}{_SHELL}"),
        ("obfuscation", 0.9, r"\b(?:ba|z|da)?sh\s+(?:-c\s+)?[\"']?(?:\$\(|`|<\(|<<<)[^\n]*(?:base64|xxd|rev\b|printf)|\beval\s+[\"']?(?:\$\(|`)[^\n]*(?:base64|echo|printf|rev\b|xxd|tr\b)|\bpowershell(?:\.exe)?\b[^\n]*\s-e(?:nc|ncodedcommand|c)?\s+[a-z0-9+/=]{16,}|\bfrombase64string\("),
        ("obfuscation", 0.8, r"\$'(?:\\x[0-9a-f]{2}|\\[0-7]{2,3}|\\u[0-9a-f]{4}){2,}|\$\{ifs\}|\$ifs\b|\bpython[\d.]*\s+-c\s[^\n]*(?:b64decode|fromhex|codecs\.decode|marshal|zlib)|\b(?:perl|ruby|node|php)\s+-[er]\s[^\n]*(?:unpack|decode64|base64|pack\()|\$\{\w{1,20}:\d{1,3}:\d{1,3}\}\$\{\w{1,20}:|\$\{PATH:\d|\$@\w|\w\$@\w|\w\$\{\w{1,8}#\S{1,8}\}\w|\[char\]\s{0,2}\d{2,3}\s{0,3}\+"),
        ("obfuscation", 0.6, r"(?:^|[\s;&|])[a-z]{1,4}(?:''|\"\"|\\)[a-z]{1,6}(?:(?:''|\"\"|\\)[a-z]{1,6}){0,4}\s+(?:-|/|~)|/\?\?\?/(?:\?|[a-z]){2,6}\s|(?:^|[;&|\s])/(?:b\?n|\?in|u\?r)/\S{1,10}\s"),
        ("persistence", 0.7, r"(?:>|\btee\b[^\n;|]*)\s{0,3}\S*authorized_keys|\bssh-copy-id\b|(?:>>?|\btee\b[^\n;|]*)\s{0,3}\S*(?:\.bashrc|\.zshrc|\.profile|\.bash_profile|/etc/profile|/etc/rc\.local|/etc/cron\S*|/etc/systemd/\S+|\.config/autostart\S*|/etc/ld\.so\.preload|/etc/sudoers\S*)|\|\s{0,3}crontab\b|\bcrontab\s+(?:-\s*$|/tmp/|<)|\bschtasks\s+/create|\breg\s+add\s[^\n]*\\(?:run|runonce|winlogon)\b|\bnew-service\b|\bsc(?:\.exe)?\s+create\b|\blaunchctl\s+load\b|\bnew-scheduledtask"),
        ("persistence", 0.6, r"\b(?:useradd|adduser)\s+(?:-\S+\s+\S*\s*){0,6}\S|\bnet\s+(?:user|localgroup)\s[^\n]*/add|\busermod\s+(?:-\S+\s+){0,3}(?:sudo|wheel|root|docker|admin)|\bchpasswd\b|\becho\s[^\n|]*\|\s{0,3}passwd\b|\bld_preload="),
        ("privilege", 0.7, r"\bdocker\s+run\s[^\n]*(?:--privileged|--pid[= ]host|-v\s+/:/|-v\s+/etc:|/var/run/docker\.sock)|\bnsenter\s+(?:-\S+\s+){0,4}(?:-t|--target)\s{0,2}=?1\b|\bchmod\s+(?:\S{0,4}\+s|[2467][0-7]{3})\s|\bsudo\s+(?:-i|su\b|-s\b)|\becho\s[^\n|]*\|\s{0,3}sudo\s+-S|\bnopasswd\b|\bsetcap\s+\S*cap_|\bpkexec\b|\bchroot\s+/(?:mnt|host|proc)|\bunshare\s+-\w*r|\bkubectl\s[^\n]*--overrides[^\n]*privileged"),
        ("privilege", 0.2, r"\bsudo\s"),
    )
)  # fmt: skip
_DROPPED = re.compile(r"['\"\\^]")


def detector(options: Options) -> Detector:
    """Build the detector. Raises `ManifestError`."""
    return text_detector(find_risks, CATEGORIES, options)


def find_risks(text: str) -> Iterable[Found]:
    """Find what is risky in a command, as it stands and as a shell reads it: without quotes and escapes."""
    written = typed(text)
    spaced = written.text.replace("\0", " ")
    found = set(_RULES.matches(spaced))
    plain = _DROPPED.sub("", spaced).replace("${IFS}", "      ").replace("$IFS", "    ")
    if plain != spaced and (matches := _RULES.matches(plain)):
        kept = Remaining(_DROPPED.split(spaced))
        found.update((rule, *kept.span(start, end)) for rule, start, end in matches)
    risks = standing([(start, end, rule.category, rule.score) for rule, start, end in found])
    return [(*written.span(start, end), category, score) for start, end, category, score in risks]

"""The options of network tools that take the next word as their value, so that it is no destination."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["VALUE_OPTIONS", "ValueOptions"]


@dataclass(frozen=True, slots=True)
class ValueOptions:
    """Letters of short options, and names of long ones, also cut short."""

    letters: frozenset[str]
    names: frozenset[str]

    def takes_next(self, option: str) -> bool:
        """True if the word behind an option is its value."""
        if not option.startswith("--"):
            return option[-1] in self.letters and self.letters.isdisjoint(option[1:-1])
        return option[2:] in self.names


def _options(letters: str, names: str = "", switches: str = "") -> ValueOptions:
    """Build the options of a tool; `switches` are those without a value whose names begin longer ones."""
    cut = {name[:length] for name in names.split() for length in range(1, len(name) + 1)}
    return ValueOptions(frozenset(letters), frozenset(cut.difference(switches.split())))


_CURL = _options(
    "AbCcDdEeFHhKmoPQrTtUuwXxYyz",
    """abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout connect-to
    continue-at cookie cookie-jar create-file-mode crlfile curves data data-ascii data-binary data-raw data-urlencode
    delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header egd-file engine etag-compare
    etag-save expect100-timeout form form-string ftp-account ftp-alternative-to-user ftp-method ftp-port
    ftp-ssl-ccc-mode happy-eyeballs-timeout-ms header help hostpubmd5 hostpubsha256 hsts interface ip-tos json
    keepalive-time key key-type krb libcurl limit-rate local-port login-options mail-auth mail-from mail-rcpt
    max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir parallel-max pass pinnedpubkey
    preproxy proto proto-default proto-redir proxy proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers
    proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name
    proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user proxy1.0 pubkey quote random-file
    range rate referer request request-target resolve retry retry-delay retry-max-time sasl-authzid service-name socks4
    socks4a socks5 socks5-gssapi-service socks5-hostname speed-limit speed-time stderr telnet-option tftp-blksize
    time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser trace trace-ascii trace-config unix-socket
    upload-file url-query user user-agent variable write-out""",
    "ftp-ssl-ccc head netrc parallel socks5-gssapi",
)
_WGET = _options(
    "aABDeiIlOoPQRtTUwX",
    """accept accept-regex append-output base bind-address body-data body-file ca-certificate ca-directory certificate
    compression config connect-timeout cut-dirs default-page dns-timeout domains exclude-directories exclude-domains
    execute follow-tags header http-password http-user ignore-tags include-directories input-file level limit-rate
    load-cookies local-encoding max-redirect method output-document output-file password post-data post-file
    private-key progress proxy-password proxy-user quota read-timeout referer regex-type reject reject-regex
    remote-encoding restrict-file-names save-cookies secure-protocol start-pos timeout tries user user-agent wait
    waitretry""",
)
_NETCAT = _options(
    "cegGIiMmOoPpqsTWwXx", "exec idle-timeout lua-exec proxy proxy-type sh-exec source source-port wait"
)
_SSH = _options("BbcDEeFIiJLlmOopQRSWw")
_HTTPIE = _options(
    "AacEFopsXx",
    "auth auth-type cert cert-key output pretty print proxy session style timeout verify",
)
VALUE_OPTIONS: Mapping[str, ValueOptions] = {
    "curl": _CURL,
    "wget": _WGET,
    "nc": _NETCAT,
    "ncat": _NETCAT,
    "netcat": _NETCAT,
    "ssh": _SSH,
    "sftp": _SSH,
    "mosh": _options("p", "bind-server family port predict server ssh"),
    "telnet": _options("abelnSXx"),
    "scp": _options("cDFiJloPSX"),
    "rsync": _options(
        "BefMT",
        """backup-dir bwlimit chmod compare-dest exclude exclude-from files-from filter include include-from link-dest
        log-file max-size min-size out-format partial-dir password-file port rsh rsync-path suffix temp-dir timeout""",
        "backup partial",
    ),
    "ping": _options("cFIilMmpQSsTtWw"),
    "traceroute": _options("ADfgilMmNPpqstUwz"),
    "nslookup": _options(""),
    "http": _HTTPIE,
    "https": _HTTPIE,
}
"""By the name of a tool whose arguments are read."""

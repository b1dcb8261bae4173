#!/bin/bash
# Collect what the service needs to run into one root file system: the interpreter, the service, the shared
# libraries that both load, certificates, and the user that it runs as.
set -euo pipefail
root=$1
prefix=$(python -c 'import sys; print(sys.base_prefix)')
version=$(python -c 'import sys; print("python%d.%d" % sys.version_info[:2])')

mkdir -p "$root$prefix/bin" "$root$prefix/lib" "$root/etc/ssl/certs" "$root/opt"
cp -a "$prefix/bin/$version" "$root$prefix/bin/"
ln -s "$version" "$root$prefix/bin/python3"
ln -s "$version" "$root$prefix/bin/python"
cp -a "$prefix/lib/$version" "$root$prefix/lib/"
library=$root$prefix/lib/$version
# Not needed at run time: the packaging tools, the tests, the graphical and the interactive parts.
rm -rf "$library"/{site-packages,test,idlelib,ensurepip,lib2to3,tkinter,turtledemo,turtle.py,pydoc_data} "$library"/config-*
find "$library" -name 'test' -o -name 'tests' | xargs -r rm -rf
find "$library/lib-dynload" -name '_tkinter*' -o -name '_test*' -o -name '*_test.*' | xargs -r rm -f
find "$library" -name __pycache__ -prune -exec rm -r {} +
cp -a /opt/acs "$root/opt/"
# The sources never change, so the interpreter need not compare them with the compiled files, whose times a builder may change.
python -m compileall -q --invalidation-mode unchecked-hash -s "$root" -p / "$library" "$root/opt/acs"

# Shared libraries, by what the dynamic linker itself would load; the loader has a fixed place.
{
    find "$prefix/bin/$version" "$library" "$root/opt/acs" -type f \( -name '*.so*' -o -name "$version" \) -print0 \
        | xargs -0 -r ldd 2> /dev/null | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// && NF == 2 {print $1}' | grep -v ':$'
} | sort -u | while read -r file; do
    case $file in
        "$root"* | /opt/acs/*) ;;
        *) mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file" ;;
    esac
done
# Names are resolved with these, which no binary names.
for file in $(find / -xdev \( -name 'libnss_dns.so.2' -o -name 'libnss_files.so.2' -o -name 'libresolv.so.2' \) -not -path "$root/*"); do
    mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file"
done
# Symbols for debuggers take a tenth of the image.
find "$root" -type f -name '*.so*' -exec strip --strip-unneeded {} +
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
# OpenSSL looks for authorities at a place of its own.
authorities=$(python -c 'import ssl; print(ssl.get_default_verify_paths().openssl_cafile)')
mkdir -p "$root$(dirname "$authorities")"
ln -s /etc/ssl/certs/ca-certificates.crt "$root$authorities"
cp -a /etc/ld.so.conf /etc/ld.so.conf.d "$root/etc/"
ldconfig -r "$root"
echo 'acs:x:65532:65532:acs-sidecar:/var/lib/acs:/nonexistent' > "$root/etc/passwd"
echo 'acs:x:65532:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
install -d -m 1777 "$root/tmp"
install -d -m 0750 -o 65532 -g 65532 "$root/var/lib/acs"

# The Debian package of a tree that make install has filled: package.sh TREE CONTROL DEB. Needs no root.
set -eu
umask 022
tree=$1 deb=$3
control=$(cat "$2")
share=$tree/usr/share

strip --remove-section=.comment "$tree"/usr/bin/*
find "$share/man" -type f -exec gzip -9n {} +
install -d "$share/doc/gossipd/examples" "$tree/DEBIAN"
install -m 644 LICENSE "$share/doc/gossipd/copyright"
install -m 644 gossipdrc.example "$share/doc/gossipd/examples/"

# By the symbols used, or, without dpkg-dev, the packages of the libraries in the versions that are here.
depends() {
  if command -v dpkg-shlibdeps > /dev/null; then
    place=$(mktemp -d)
    mkdir "$place/debian"
    printf 'Source: gossipd\n\nPackage: gossipd\nArchitecture: any\n' > "$place/debian/control"
    programs=$(cd "$tree/usr/bin" && pwd)
    (cd "$place" && dpkg-shlibdeps -O "$programs/gossipd" "$programs/gossipc") | sed -n 's/^shlibs:Depends=//p'
    rm -r "$place"
  else
    ldd "$tree"/usr/bin/* | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
      { dpkg-query -S "$library" || dpkg-query -S "/usr$library" || dpkg-query -S "${library#/usr}"; } 2> /dev/null | sed -n '1s/:.*//p'
    done | sort -u | while read -r package; do
      dpkg-query -W -f '${Package} (>= ${Version})\n' "$package" | head -n 1
    done | paste -sd, | sed 's/,/, /g'
  fi
}

needed=$(depends)
test -n "$needed"
size=$(du -k -s --apparent-size "$tree/usr" | cut -f 1)
printf '%s\n' "$control" | sed "s|@DEPENDS@|$needed|; s|@SIZE@|$size|" > "$tree/DEBIAN/control"
(cd "$tree" && find usr -type f | LC_ALL=C sort | xargs md5sum) > "$tree/DEBIAN/md5sums"

# Of the daemons only those of the system unit are ours to restart and to stop. /var/lib/gossipd holds people's keys: it stays.
cat > "$tree/DEBIAN/postinst" << 'END'
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart 'gossipd@*.service'
fi
END
cat > "$tree/DEBIAN/prerm" << 'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop 'gossipd@*.service'; fi
END
cat > "$tree/DEBIAN/postrm" << 'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
END
chmod 755 "$tree"/DEBIAN/p*
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz -b "$tree" "$deb" > /dev/null

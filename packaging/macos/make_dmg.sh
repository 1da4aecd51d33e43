#!/bin/sh
# UNTESTED: written for a Mac, and never run on one.
#
# A disk image of the app. In the folder of pyproject.toml:
#
#     python3 packaging/build.py bundle && sh packaging/macos/make_dmg.sh
#
# gives dist/MAML Studio.dmg. CODESIGN_IDENTITY names a Developer ID to sign with; without one the signature is ad hoc, and whoever opens
# the app for the first time has to allow it in the system's settings. Notarising (xcrun notarytool) needs Apple's account and is not done.
# The app is offered under "Open with" for JSON and TOML: macOS goes by the last part of a name's ending.
# A file opened so comes as an Apple event (QFileOpenEvent), which the app does not take yet: there, name it on the command line.
set -eu
app="dist/MAML Studio.app"
# The notices were put in after PyInstaller signed it.
codesign --force --deep ${CODESIGN_IDENTITY:+--options runtime} --sign "${CODESIGN_IDENTITY:--}" "$app"
codesign --verify --deep --strict "$app"
rm -f "dist/MAML Studio.dmg"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp -R "$app" "$stage/"
ln -s /Applications "$stage/Applications"
hdiutil create -volname "MAML Studio" -srcfolder "$stage" -format UDZO "dist/MAML Studio.dmg"

; UNTESTED: written for a Windows machine, and never run on one.
;
; An installer of the bundle, by Inno Setup 6. In the folder of pyproject.toml:
;
;     py packaging\build.py bundle
;     iscc packaging\windows\installer.iss
;
; gives dist\maml-studio-setup.exe. It installs for the user who runs it and asks for no administrator.
; Windows goes by the last part of a name's ending only, so *.drawn.json and *.experiment.toml can't be claimed without claiming all
; of JSON and TOML: the app is offered under "Open with" instead.

#define Version "0.1.0"

[Setup]
AppId=maml-studio
AppName=MAML Studio
AppVersion={#Version}
AppPublisher=The MAML Studio authors
DefaultDirName={autopf}\MAML Studio
DefaultGroupName=MAML Studio
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
LicenseFile=..\..\LICENSE
SetupIconFile=..\..\build\package\icons\maml-studio.ico
UninstallDisplayIcon={app}\MAML Studio.exe
OutputDir=..\..\dist
OutputBaseFilename=maml-studio-setup
Compression=lzma2
SolidCompression=yes

[Files]
Source: "..\..\dist\maml-studio\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\MAML Studio"; Filename: "{app}\MAML Studio.exe"

[Registry]
Root: HKCU; Subkey: "Software\Classes\Applications\MAML Studio.exe"; ValueType: string; ValueName: "FriendlyAppName"; ValueData: "MAML Studio"; Flags: uninsdeletekey
Root: HKCU; Subkey: "Software\Classes\Applications\MAML Studio.exe\shell\open\command"; ValueType: string; ValueData: """{app}\MAML Studio.exe"" ""%1"""
Root: HKCU; Subkey: "Software\Classes\Applications\MAML Studio.exe\SupportedTypes"; ValueType: string; ValueName: ".json"; ValueData: ""
Root: HKCU; Subkey: "Software\Classes\Applications\MAML Studio.exe\SupportedTypes"; ValueType: string; ValueName: ".toml"; ValueData: ""

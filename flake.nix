# Package, app and development shell. The release binaries come from `make build`; this builds the same source with the Bun of nixpkgs.
{
  description = "Reeve: lets AI agents run real machines, with policy before every effect and a ledger strangers can verify";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      manifest = builtins.fromJSON (builtins.readFile ./package.json);
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEach = build: nixpkgs.lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});

      # Another Bun gives another binary, so a nixpkgs that carries another one is refused by name.
      pinnedBun =
        pkgs:
        if pkgs.bun.version == manifest.engines.bun then
          pkgs.bun
        else
          throw "reeve is built with Bun ${manifest.engines.bun} and this nixpkgs has ${pkgs.bun.version}: run `nix flake lock --override-input nixpkgs` with a revision that has it";

      # What bun.lock pins for the binary itself: pure JavaScript, so one hash serves every system. `make docs` writes it.
      packages =
        pkgs:
        pkgs.stdenvNoCC.mkDerivation {
          pname = "reeve-packages";
          version = manifest.version;
          src = nixpkgs.lib.fileset.toSource {
            root = ./.;
            fileset = nixpkgs.lib.fileset.unions [
              ./package.json
              ./bun.lock
              ./bunfig.toml
            ];
          };
          nativeBuildInputs = [
            (pinnedBun pkgs)
            pkgs.cacert
          ];
          dontConfigure = true;
          dontFixup = true;
          buildPhase = "HOME=$TMPDIR bun install --frozen-lockfile --production --ignore-scripts";
          installPhase = "cp -r node_modules $out";
          outputHashMode = "recursive";
          outputHash = "sha256-+UvKN21mG3ZobdRu6iXv/FSpjDskkIC4oHGncv7+sIM=";
        };

      reeve =
        pkgs:
        pkgs.stdenv.mkDerivation {
          pname = "reeve";
          version = manifest.version;
          src = self;
          nativeBuildInputs = [ (pinnedBun pkgs) ];
          dontConfigure = true;
          # Stripping or patching the executable would cut off the program that Bun appends to it.
          dontStrip = true;
          dontPatchELF = true;
          buildPhase = ''
            ln -s ${packages pkgs} node_modules
            HOME=$TMPDIR bun scripts/build.ts
          '';
          doInstallCheck = true;
          installPhase = "install -D dist/reeve $out/bin/reeve";
          installCheckPhase = "$out/bin/reeve --version";
          meta = {
            description = manifest.description;
            license = nixpkgs.lib.licenses.asl20;
            mainProgram = "reeve";
            platforms = systems;
          };
        };
    in
    {
      packages = forEach (pkgs: {
        default = reeve pkgs;
      });

      apps = forEach (pkgs: {
        default = {
          type = "app";
          program = "${reeve pkgs}/bin/reeve";
        };
      });

      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.bubblewrap
            pkgs.git
            pkgs.gnumake
            pkgs.nodejs
            pkgs.openssl
            pkgs.python3
            pkgs.qemu-user
            (pinnedBun pkgs)
          ];
          BUN = "bun";
        };
      });
    };
}

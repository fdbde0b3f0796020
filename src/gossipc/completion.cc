#include <cstring>
#include <functional>
#include <optional>

#include "gossipc/commands.h"

namespace gossip::client {
namespace {

enum class Kind { kNothing, kPeer, kFile, kShell };  // what a word may be

constexpr const char* kShells[] = {"bash", "zsh", "fish"};
constexpr const char* kAllShells = "bash zsh fish";
constexpr const char* kKinds[] = {"none", "peer", "file", "shell"};

const char* word_of(Kind kind) { return kKinds[static_cast<int>(kind)]; }

Kind kind_of(const Row& row) {
  if (!row.argument) return Kind::kNothing;
  if (std::strcmp(row.argument, "FILE") == 0) return Kind::kFile;
  return row.option == kName || std::strcmp(row.argument, "PEER") == 0 ? Kind::kPeer : Kind::kNothing;
}

Kind kind_of(const Command& command) {
  switch (command.positional) {
    case kName: return Kind::kPeer;
    case kFile: return Kind::kFile;
    case kShell: return Kind::kShell;
    default: return Kind::kNothing;
  }
}

bool everywhere(const Row& row) { return row.option == kQuiet || row.option == kHelp; }

std::string letter(char c) { return {'-', c}; }

// "--name -n"
std::string spellings(const Row& row, const char* between = " ") {
  return "--" + std::string(row.name) + (row.letter ? between + letter(row.option) : "");
}

std::string spellings(const Command& command, const char* between = " ") {
  return "--" + std::string(command.flag) + between + letter(command.letter);
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// Within '...' of a shell; `escape` besides what the shell wants.
std::string quote(std::string_view text, std::string_view escape, const char* apostrophe) {
  std::string out;
  for (char c : text) {
    if (c == '\'') {
      out += apostrophe;
      continue;
    }
    if (escape.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string quote_zsh(std::string_view text, std::string_view escape) { return quote(text, escape, "'\\''"); }
std::string quote_fish(std::string_view text) { return quote(text, "\\", "\\'"); }

// The flags with a value of one kind, or of any, as a pattern of `case`.
std::string flags(std::optional<Kind> kind, const char* between) {
  std::vector<std::string> out;
  for (const Row& row : rows()) {
    if (row.argument && (!kind || kind_of(row) == *kind)) out.push_back(spellings(row, between));
  }
  return joined(out, between);
}

// Which command a line has, and `what` of it: one arm of a `case` for each.
std::string arms(const std::function<std::string(const Command&)>& arm) {
  std::string out;
  for (const Command& command : commands()) out += arm(command);
  return out;
}

std::string pattern(const Command& command, const char* between) {
  return command.name + (command.flag ? between + spellings(command, between) : "");
}

// Shared by bash and zsh: sets `command`, "" when there is none before word `here`. A word behind a flag with a value is no command.
std::string find_command(const char* words, const char* first, const char* here) {
  return "  for ((i = " + std::string(first) + "; i < " + here + "; ++i)); do\n"
         "    case ${" + words + "[i]} in\n"
         "      " + flags(std::nullopt, "|") + ") ((++i)) ;;\n" +
         arms([](const Command& c) { return "      " + pattern(c, "|") + ") command=" + c.name + "; break ;;\n"; }) +
         "    esac\n"
         "  done\n";
}

// A passphrase that comes by a descriptor is not for us to read up.
constexpr const char* kPeers =
    "  [[ -n $GOSSIPD_PASSPHRASE_FD ]] ||\n"
    "    \"$1\" peers --json --quiet </dev/null 2>/dev/null | sed -n 's/^{\"name\":\"\\([A-Za-z0-9_.-]*\\)\".*/\\1/p'\n";

std::string bash() {
  std::vector<std::string> top;
  for (const Command& command : commands()) top.push_back(command.name);
  for (const Command& command : commands()) {
    if (command.flag) top.push_back(spellings(command));
  }
  for (const Row& row : rows()) {
    if (row.option == kHelp || row.option == kVersion || row.option == kFormatVersion) top.push_back(spellings(row));
  }
  const auto arm = [](const Command& command) {
    std::vector<std::string> words;
    for (const Row& row : rows()) {
      if (everywhere(row) || takes(command, row)) words.push_back(spellings(row));
    }
    return "    " + std::string(command.name) + ") flags='" + joined(words, " ") + "' what=" + word_of(kind_of(command)) + " ;;\n";
  };
  return "# Completion of gossipc for bash, by \"gossipc completion bash\".\n"
         "_gossipc_peers() {\n" + std::string(kPeers) + "}\n\n"
         "_gossipc() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= flags= what=none i\n"
         "  if [[ $cur == = ]]; then cur=\n"
         "  elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n" +
         find_command("COMP_WORDS", "1", "COMP_CWORD") +
         "  case $command in\n"
         "    '') flags='" + joined(top, " ") + "' ;;\n" + arms(arm) +
         "  esac\n"
         "  case $before in\n"
         "    " + flags(Kind::kFile, "|") + ") flags= what=file ;;\n"
         "    " + flags(Kind::kPeer, "|") + ") flags= what=peer ;;\n"
         "    " + flags(Kind::kNothing, "|") + ") flags= what=none ;;\n"
         "    *) if [[ $cur == -* ]]; then what=none; elif [[ $what != none ]]; then flags=; fi ;;\n"
         "  esac\n"
         "  case $what in\n"
         "    peer) flags=$(_gossipc_peers \"$1\") ;;\n"
         "    shell) flags='" + std::string(kAllShells) + "' ;;\n"
         "    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$cur\")\n"
         "}\n"
         "complete -F _gossipc gossipc\n";
}

std::string action_zsh(Kind kind) {
  switch (kind) {
    case Kind::kPeer: return "_gossipc_peers";
    case Kind::kFile: return "_files";
    case Kind::kShell: return "(" + std::string(kAllShells) + ")";
    default: return " ";
  }
}

// One argument of _arguments: '(-n --name)'{-n,--name}'[the friend]:NAME:_gossipc_peers'
std::string spec_zsh(const Row& row) {
  const std::string both = row.repeats ? "'*'" : "'(" + spellings(row) + ")'";
  const std::string names = row.letter ? "{" + spellings(row, ",") + "}" : "--" + std::string(row.name);
  return both + names + "'[" + quote_zsh(row.help, "[]") + "]" +
         (row.argument ? ":" + std::string(row.argument) + ":" + action_zsh(kind_of(row)) : "") + "'";
}

std::string zsh() {
  std::string names, common, top;
  for (const Command& command : commands()) {
    names += "    '" + std::string(command.name) + ":" + quote_zsh(command.help, ":") + "'\n";
    if (command.flag) top += " \\\n    {" + spellings(command, ",") + "}'[" + quote_zsh(command.help, "[]") + "]'";
  }
  for (const Row& row : rows()) {
    if (everywhere(row)) common += " " + spec_zsh(row);
    if (row.option == kVersion || row.option == kFormatVersion) top += " \\\n    " + spec_zsh(row);
  }
  const auto arm = [](const Command& command) {
    std::string out = "    " + std::string(command.name) + ") _arguments -S $common";
    for (const Row& row : rows()) {
      if (takes(command, row)) out += " \\\n      " + spec_zsh(row);
    }
    return out + " \\\n      '*: :" + action_zsh(kind_of(command)) + "' ;;\n";
  };
  return "#compdef gossipc\n"
         "# Completion of gossipc for zsh, by \"gossipc completion zsh\".\n"
         "_gossipc_names() {\n" + std::string(kPeers) + "}\n\n"
         "_gossipc_peers() {\n"
         "  local -a names\n"
         "  names=(${(f)\"$(_gossipc_names $words[1])\"})\n"
         "  compadd -a names\n"
         "}\n\n"
         "_gossipc_commands() {\n"
         "  local -a names=(\n" + names + "  )\n"
         "  _describe command names\n"
         "}\n\n"
         "_gossipc() {\n"
         "  local command= i\n"
         "  local -a common=(" + common + ")\n" +
         find_command("words", "2", "CURRENT") +
         "  case $command in\n"
         "    '') _arguments -S $common" + top + " \\\n      '1: :_gossipc_commands' ;;\n" + arms(arm) +
         "  esac\n"
         "}\n\n"
         "if [[ $funcstack[1] == _gossipc ]]; then _gossipc \"$@\"; else compdef _gossipc gossipc; fi\n";
}

std::string fish_flag(const Row& row, const std::string& when) {
  std::string out = "complete -c gossipc -n '" + when + "' -l " + row.name;
  if (row.letter) out += std::string(" -s ") + static_cast<char>(row.option);
  if (row.argument) out += kind_of(row) == Kind::kFile ? " -r -F" : " -x";
  if (kind_of(row) == Kind::kPeer) out += " -a '(__gossipc_peers)'";
  return out + " -d '" + quote_fish(row.help) + "'\n";
}

std::string fish_command(const Command& command) {
  const std::string when = "test (__gossipc_command) = " + std::string(command.name);
  std::string out = "complete -c gossipc -n '__gossipc_first' -a " + std::string(command.name) + " -d '" + quote_fish(command.help) + "'\n";
  if (command.flag) {
    out += "complete -c gossipc -n '__gossipc_first' -l " + std::string(command.flag) + " -s " + command.letter + " -d '" +
           quote_fish(command.help) + "'\n";
  }
  for (const Row& row : rows()) {
    if (takes(command, row)) out += fish_flag(row, when);
  }
  switch (kind_of(command)) {
    case Kind::kPeer: return out + "complete -c gossipc -n '" + when + "' -a '(__gossipc_peers)'\n";
    case Kind::kFile: return out + "complete -c gossipc -n '" + when + "' -F\n";
    case Kind::kShell: return out + "complete -c gossipc -n '" + when + "' -a '" + kAllShells + "'\n";
    default: return out;
  }
}

std::string fish() {
  std::string common;
  for (const Row& row : rows()) {
    if (everywhere(row)) common += fish_flag(row, "true");
    if (row.option == kVersion || row.option == kFormatVersion) common += fish_flag(row, "__gossipc_first");
  }
  return "# Completion of gossipc for fish, by \"gossipc completion fish\".\n"
         "function __gossipc_peers\n"
         "  test -n \"$GOSSIPD_PASSPHRASE_FD\"; and return\n"
         "  set -l words (commandline -opc)\n"
         "  $words[1] peers --json --quiet </dev/null 2>/dev/null | string replace -rf '^{\"name\":\"([A-Za-z0-9_.-]*)\".*' '$1'\n"
         "end\n\n"
         "function __gossipc_command\n"
         "  set -l skip 1\n"
         "  for word in (commandline -opc)\n"
         "    if test $skip = 1\n"
         "      set skip 0\n"
         "      continue\n"
         "    end\n"
         "    switch $word\n"
         "      case " + flags(std::nullopt, " ") + "\n"
         "        set skip 1\n" +
         arms([](const Command& c) { return "      case " + pattern(c, " ") + "\n        echo " + c.name + "\n        return\n"; }) +
         "    end\n"
         "  end\n"
         "  echo none\n"
         "end\n\n"
         "function __gossipc_first\n"
         "  test (__gossipc_command) = none\n"
         "end\n\n"
         "complete -c gossipc -f\n" + common + arms(fish_command);
}

}  // namespace

int completion(Call& call) {
  const std::string& shell = call.options.value(kShell);
  if (shell.empty()) return fail(kUsage, "completion needs a shell: bash, zsh or fish", "gossipc completion --help");
  for (std::size_t i = 0; i < std::size(kShells); ++i) {
    if (shell != kShells[i]) continue;
    call.out.put(i == 0 ? bash() : i == 1 ? zsh() : fish());
    call.out.flush();
    return kDone;
  }
  const std::vector<std::string> known(std::begin(kShells), std::end(kShells));
  return fail(kUsage, "no completion for " + quoted(shell), did_you_mean(shell, known, "there is bash, zsh and fish"));
}

}  // namespace gossip::client

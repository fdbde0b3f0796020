#include "gossipc/options.h"

#include <getopt.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "gossipc/words.h"

namespace gossip::client {
namespace {

constexpr Row kRows[] = {
    {kName, true, "name", "NAME", "the friend, by the name you gave them; the sender for mute"},
    {kHost, true, "host", "HOST", "where to call them: a name, IPv4 or [IPv6], and :PORT if you like; again for more", true},
    {kPort, true, "port", "PORT", "of each HOST that names none: 1 to 65535, 5555 if not given"},
    {kHere, false, "here", "HOST", "where they can call you, for the invitation; :PORT if it is not your daemon's; again for more", true},
    {kExpires, false, "expires", "SPAN", "how long the invitation is good: 90m, 2h, 7d (the default); 90d at most"},
    {kWait, false, "wait", "SECONDS", "wait so long for the two of you to become friends; 0: do not wait"},
    {kPubkeyFile, true, "pubkey-file", "FILE", "the key they gave you; - is standard input"},
    {kSource, true, "source", "NAME", "the sender you claim; GOSSIPD_USERNAME if not given"},
    {kMessage, true, "message", "TEXT", "the text; - is standard input, also when it is a pipe and -m is not given"},
    {kReply, false, "reply", "ID", "the message it answers: its id or the beginning of it; again for up to 4", true},
    {kHearer, false, "hearer", "FILE", "the public key made by who hears"},
    {kSpeaker, false, "speaker", "FILE", "the public key made by who speaks"},
    {kReplace, false, "replace", nullptr, "put a new one in the place of the present one, on purpose"},
    {kResetPq, false, "reset-pq", nullptr, "sessions without post-quantum key exchange will do again"},
    {kNone, false, "none", nullptr, "no address: never call them, wait for their call"},
    {kBatch, false, "batch", nullptr, "one message per line of standard input"},
    {kJson, false, "json", nullptr, "JSON Lines"},
    {kLast, false, "last", "N", "only the last N that match"},
    {kSince, false, "since", "WHEN", "heard since: YYYY-MM-DD, \"YYYY-MM-DD HH:MM[:SS]\" (UTC), 90m, 2h or 7d"},
    {kUntil, false, "until", "WHEN", "heard before then"},
    {kFrom, false, "from", "PEER", "only what this friend delivered; self is you"},
    {kSender, false, "sender", "NAME", "only what claims this sender"},
    {kSearch, false, "search", "WORDS", "only texts with all these words in them; WORD* is the beginning of one"},
    {kUnread, false, "unread", nullptr, "only what friends delivered and was not shown as unread before"},
    {kAfter, false, "after", "ID", "only what was heard after this message"},
    {kMinSources, false, "min-sources", "N", "only what was heard of from N friends at least, who delivered it among them"},
    {kAll, false, "all", nullptr, "what is muted, and messages whose text is no longer kept, too"},
    {kFormat, false, "format", "FORMAT", "%i id, %t time, %d delivered by, %s sender, %m text, %p parents, %n number; \\n, \\t"},
    {kFollow, false, "follow", nullptr, "go on and print what comes, until interrupted"},
    {kRaw, false, "raw", nullptr, "escape nothing; never to a terminal"},
    {kNewFile, false, "new-file", "FILE", "the passphrase from now on, on one line; - is standard input"},
    {kRemove, false, "remove", nullptr, "no passphrase from now on"},
    {kInto, false, "into", "FILE", "the new database; that of GOSSIPD_DB_PATH with .recovered behind it if not given"},
    {kFull, false, "full", nullptr, "hash every text again"},
    {kTo, false, "to", "NEW", "the name from now on"},
    {kFor, false, "for", "SPAN", "so long: 90m, 2h or 7d; until unmute if not given"},
    {kQuiet, false, "quiet", nullptr, "fewer words on standard error"},
    {kHelp, true, "help", nullptr, "this text"},
    {kVersion, true, "version", nullptr, "the version"},
    {kFormatVersion, false, "format-version", nullptr, "the version of the forms in which data is printed, a number"},
};

const Row* row_of(Opt option) {
  for (const Row& row : kRows) {
    if (row.option == option) return &row;
  }
  return nullptr;
}

bool needs_no_command(const Row& row) { return row.option == kVersion || row.option == kFormatVersion; }

std::string dashed(const Row& row) {
  return (row.letter ? "-" + std::string(1, row.option) + ", " : std::string("    ")) + "--" + row.name +
         (row.argument ? " " + std::string(row.argument) : std::string());
}

const Command* command_named(std::string_view name) {
  for (const Command& command : commands()) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

const Command* command_lettered(int letter) {
  for (const Command& command : commands()) {
    if (command.flag && letter == command.letter) return &command;
  }
  return nullptr;
}

std::string letters() {
  std::string out = ":";  // a missing argument is told apart
  for (const Row& row : kRows) {
    if (row.letter) (out += row.option) += row.argument ? ":" : "";
  }
  for (const Command& command : commands()) {
    if (command.flag) out += command.letter;
  }
  return out;
}

std::vector<option> long_options() {
  std::vector<option> out;
  for (const Row& row : kRows) out.push_back({row.name, row.argument ? required_argument : no_argument, nullptr, row.option});
  for (const Command& command : commands()) {
    if (command.flag) out.push_back({command.flag, no_argument, nullptr, command.letter});
  }
  out.push_back({});
  return out;
}

// Which help lists the options: getopt puts words behind options, so the command may not have been taken yet.
std::string options_hint(const Options& options, const std::vector<std::string>& arguments) {
  const Command* command = options.command;
  for (const std::string& argument : arguments) {
    if (!command) command = command_named(argument);
  }
  return "gossipc " + std::string(command ? command->name : "COMMAND") + " --help lists the options";
}

Refusal unknown_option(const std::string& word, const std::string& hint) {
  std::vector<std::string> known;
  for (const option& o : long_options()) {
    if (o.name) known.push_back(std::string("--") + o.name);
  }
  if (optopt != 0 && !word.starts_with("--")) {
    return {"unknown option -" + std::string(1, static_cast<char>(optopt)), hint};
  }
  const std::string name = word.substr(0, word.find('='));
  for (const std::string& k : known) {
    if (k == name) return {name + " takes no value", hint};
  }
  return {"unknown option " + name, did_you_mean(name, known, hint)};
}

Refusal unknown_command(const std::string& word) {
  std::vector<std::string> known;
  for (const Command& command : commands()) known.push_back(command.name);
  return {"unknown command " + quoted(word), did_you_mean(word, known, "gossipc --help lists the commands")};
}

Refusal twice(const std::string& what, const std::string& hint = {}) { return {what + " was given twice", hint}; }

// A word that is neither an option nor an option's value. `named`: --name was given.
std::optional<Refusal> take_word(Options& options, const std::string& word, bool named) {
  if (!options.command) {
    if (word == "help" && !options.has(kHelp)) {
      options.set(kHelp, "");
      return std::nullopt;
    }
    options.command = command_named(word);
    return options.command ? std::nullopt : std::optional(unknown_command(word));
  }
  const Command& command = *options.command;
  if (command.positional == kHelp) {
    const bool text = std::strchr(command.options, kMessage) != nullptr;
    const std::string hint = text ? "give the text with -m, in quotes" : "gossipc " + std::string(command.name) + " --help";
    if (word == command.name) return twice(word, hint);
    return Refusal{"unexpected argument " + quoted(word), hint};
  }
  if (options.has(command.positional) && command.second != kHelp && !options.has(command.second)) {
    options.set(command.second, word);
    return std::nullopt;
  }
  if (options.has(command.positional)) {
    const std::string& present = options.value(command.positional);
    if (named) return Refusal{"NAME was given twice (" + word + ", " + present + ")", "one at a time"};
    if (present == command.name) return twice(present);
    return Refusal{"unexpected argument " + quoted(word), "a flag takes one value: --host before each address, quotes around a text"};
  }
  options.set(command.positional, word);
  return std::nullopt;
}

std::optional<Refusal> check_allowed(const Options& options) {
  for (const Row& row : kRows) {
    if (!options.has(row.option) || row.option == kHelp || row.option == kQuiet || needs_no_command(row)) continue;
    if (!options.command) return Refusal{"--" + std::string(row.name) + " needs a command", "gossipc --help lists the commands"};
    if (!takes(*options.command, row)) {
      return Refusal{std::string(options.command->name) + " takes no --" + row.name,
                     "gossipc " + std::string(options.command->name) + " --help lists what it takes"};
    }
  }
  return std::nullopt;
}

// One step of getopt_long.
std::optional<Refusal> take_option(Options& options, int got, const std::string& word, const std::string& hint) {
  if (got == '?') return unknown_option(word, hint);
  if (got == ':') return Refusal{word + " needs a value", hint};
  if (const Command* command = command_lettered(got)) {
    if (options.command == command) return twice(command->name);
    if (options.command)
      return Refusal{"two commands: " + std::string(options.command->name) + " and " + command->name, "one at a time"};
    options.command = command;
    return std::nullopt;
  }
  const Opt which = static_cast<Opt>(got);
  const Row& row = *row_of(which);
  if (row.argument && !row.repeats && options.has(which)) return twice("--" + std::string(row.name));
  options.set(which, optarg ? optarg : "");
  return std::nullopt;
}

}  // namespace

std::span<const Row> rows() { return kRows; }

bool takes(const Command& command, const Row& row) { return std::strchr(command.options, row.option) != nullptr; }

const std::string& Options::value(Opt option) const {
  static const std::string kEmpty;
  const std::vector<std::string>& all = values(option);
  return all.empty() ? kEmpty : all.front();
}

const std::vector<std::string>& Options::values(Opt option) const {
  static const std::vector<std::string> kEmpty;
  const auto found = given_.find(option);
  return found == given_.end() ? kEmpty : found->second;
}

Result<Options> parse_options(std::vector<std::string> arguments) {
  std::string program = "gossipc";
  std::vector<char*> argv{program.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int argc = static_cast<int>(argv.size()) - 1;
  const std::vector<option> longs = long_options();
  const std::string shorts = letters();
  Options options;
  opterr = 0;
  optind = 0;  // glibc: start afresh
  for (;;) {
    const int at = optind == 0 ? 1 : optind;
    const int got = ::getopt_long(argc, argv.data(), shorts.c_str(), longs.data(), nullptr);
    if (got == -1) break;
    const std::string word = got == '?' || got == ':' ? argv[optind > at ? optind - 1 : at] : "";
    if (auto refusal = take_option(options, got, word, options_hint(options, arguments))) return *refusal;
  }
  const bool named = options.has(kName);
  for (int i = optind; i < argc; ++i) {
    if (auto refusal = take_word(options, argv[i], named)) return *refusal;
  }
  if (auto refusal = check_allowed(options)) return *refusal;
  return options;
}

std::string usage_of(const Command& command) {
  std::string out = "usage: gossipc " + std::string(command.name);
  out += std::string(command.words) + " [options]\n";
  if (command.flag) out += "       gossipc --" + std::string(command.flag) + " (-" + command.letter + ") [options]\n";
  out += std::string(command.help) + "\n\n";
  for (const Row& row : kRows) {
    const bool common = row.option == kQuiet || row.option == kHelp;
    if (!common && !takes(command, row)) continue;
    std::string left = "  " + dashed(row);
    left.resize(std::max<std::size_t>(left.size() + 2, 28), ' ');
    out += left + row.help + "\n";
  }
  return out + "\n" + command.more;
}

std::string summary(bool all) {
  constexpr std::string_view kEveryday[] = {"invite", "join", "add-peer", "set-peer-key", "peers", "send", "view", "status", "backup"};
  std::string out = "usage: gossipc COMMAND [options]\n\n";
  for (const Command& command : commands()) {
    if (!all && std::find(std::begin(kEveryday), std::end(kEveryday), command.name) == std::end(kEveryday)) continue;
    std::string left = "  " + std::string(command.name);
    left.resize(20, ' ');
    out += left + command.help + "\n";
  }
  return out + (all ? "\n" : "\n\"gossipc --help\" lists all commands, ") + "\"gossipc COMMAND --help\" tells more of each\n";
}

}  // namespace gossip::client

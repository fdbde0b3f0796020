// The command line: one table of options, one of commands; usage and help are printed from them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "gossip/result.h"

namespace gossip::client {

// Letters of the classic flags; the capital or unusual ones without a short form have none on the command line.
enum Opt : char {
  kName = 'n',
  kHost = 'H',
  kPort = 'p',
  kPubkeyFile = 'k',
  kSource = 'S',
  kMessage = 'm',
  kHelp = 'h',
  kVersion = 'V',
  kReplace = 'R',
  kResetPq = 'Q',
  kNone = 'N',
  kJson = 'j',
  kLast = 'l',
  kSince = 't',
  kFrom = 'f',
  kFollow = 'F',
  kAll = 'G',
  kBatch = 'b',
  kRaw = 'r',
  kNewFile = 'w',
  kRemove = 'x',
  kHere = 'L',
  kExpires = 'e',
  kWait = 'z',
  kQuiet = 'q',
  kFormatVersion = 'Z',
  kHearer = 'A',
  kSpeaker = 'B',
  kInto = 'I',
  kFull = 'u',
  kUntil = 'T',
  kSender = 'C',
  kUnread = 'U',
  kSearch = 'W',
  kFormat = 'o',
  kReply = 'y',
  kAfter = 'i',
  kMinSources = 'M',
  kTo = '2',
  kFor = '4',
  kId = '#',    // a message id or its beginning, positional only
  kFile = '@',  // likewise a file
  kSql = '$',   // a query, likewise
  kShell = '%',  // a shell, likewise
};

struct Call;

struct Row {
  Opt option;
  bool letter;  // has a short form
  const char* name;
  const char* argument;  // null: none. FILE is a file, PEER a friend
  const char* help;
  bool repeats = false;
};

struct Command {
  const char* name;
  const char* flag;     // long form of the classic flag, or null
  char letter;          // its short form
  Opt positional;       // what a bare word after the command stands for; kHelp: none is taken
  const char* options;  // letters of the options it takes, in the order of its help
  const char* words;    // of its usage line, before [options]
  const char* help;     // one line
  const char* more;     // paragraphs and examples of its own help
  int (*run)(Call&);
  Opt second = kHelp;   // what the next bare word stands for
};

const std::vector<Command>& commands();  // commands.cc
std::span<const Row> rows();             // every option, in the order of a help
bool takes(const Command& command, const Row& row);  // besides --help, --quiet and what needs no command
std::string usage();                     // gossipc --help
std::string summary(bool all = false);   // gossipc alone: what is needed every day
std::string usage_of(const Command& command);

class Options {
 public:
  const Command* command = nullptr;  // null: none was given
  bool has(Opt option) const { return given_.count(option) != 0; }
  const std::string& value(Opt option) const;                // empty when it was not given
  const std::vector<std::string>& values(Opt option) const;  // of one that may be repeated
  void set(Opt option, std::string value) { given_[option].push_back(std::move(value)); }

 private:
  std::map<Opt, std::vector<std::string>> given_;
};

// Both spellings: `gossipc send -m hi` and `gossipc --send-message -m hi`. Not reentrant (getopt).
Result<Options> parse_options(std::vector<std::string> arguments);

}  // namespace gossip::client

#include "gossipc/options.h"

#include <gtest/gtest.h>

namespace gossip::client {
namespace {

Options parsed(const std::vector<std::string>& arguments) {
  Result<Options> got = parse_options(arguments);
  EXPECT_TRUE(got.ok()) << (got.ok() ? "" : got.refusal().what);
  return got.ok() ? *got : Options();
}

Refusal refused(const std::vector<std::string>& arguments) {
  Result<Options> got = parse_options(arguments);
  EXPECT_FALSE(got.ok());
  return got.ok() ? Refusal{} : got.refusal();
}

std::string name_of(const Options& options) { return options.command ? options.command->name : ""; }

TEST(Options, TheOldManualLetterByLetter) {
  Options o = parsed({"--add-peer", "--name", "alice", "--host", "127.0.0.1", "--port", "5556"});
  EXPECT_EQ(name_of(o), "add-peer");
  EXPECT_EQ(o.value(kName), "alice");
  EXPECT_EQ(o.value(kHost), "127.0.0.1");
  EXPECT_EQ(o.value(kPort), "5556");
  o = parsed({"--set-peer-key", "--name", "alice", "--pubkey-file", "F"});
  EXPECT_EQ(name_of(o), "set-peer-key");
  EXPECT_EQ(o.value(kPubkeyFile), "F");
  o = parsed({"--send-message", "--source", "bob", "--message", "hello world"});
  EXPECT_EQ(name_of(o), "send");
  EXPECT_EQ(o.value(kSource), "bob");
  EXPECT_EQ(o.value(kMessage), "hello world");
  EXPECT_EQ(name_of(parsed({"--view-messages"})), "view");
  EXPECT_EQ(name_of(parsed({"-g"})), "view");
  EXPECT_EQ(name_of(parsed({"--delete-peer", "--name", "alice"})), "delete-peer");
}

TEST(Options, EveryClassicLetter) {
  Options o = parsed({"-a", "-n", "alice", "-H", "::1", "-p", "1"});
  EXPECT_EQ(name_of(o) + o.value(kName) + o.value(kHost) + o.value(kPort), "add-peeralice::11");
  EXPECT_EQ(name_of(parsed({"-P", "-n", "a", "-k", "-"})), "set-peer-key");
  EXPECT_EQ(parsed({"-P", "-n", "a", "-k", "-"}).value(kPubkeyFile), "-");
  EXPECT_EQ(name_of(parsed({"-d", "-n", "a"})), "delete-peer");
  o = parsed({"-s", "-S", "bob", "-m", "-hi"});
  EXPECT_EQ(name_of(o) + o.value(kSource) + o.value(kMessage), "sendbob-hi");
  EXPECT_TRUE(parsed({"-h"}).has(kHelp));
  EXPECT_TRUE(parsed({"-V"}).has(kVersion));
}

TEST(Options, CommandsAndNamesAsWords) {
  Options o = parsed({"add-peer", "alice", "--host", "127.0.0.1", "--port=5556"});
  EXPECT_EQ(name_of(o) + o.value(kName) + o.value(kPort), "add-peeralice5556");
  EXPECT_EQ(parsed({"--replace", "add-peer", "alice"}).value(kName), "alice");
  EXPECT_EQ(parsed({"show-key", "alice"}).value(kName), "alice");
  EXPECT_EQ(parsed({"status", "00ff"}).value(kId), "00ff");
  EXPECT_EQ(parsed({"-d", "alice"}).value(kName), "alice");
  EXPECT_EQ(parsed({"add-peer", "--", "-dash"}).value(kName), "-dash");
  for (const Command& command : commands()) EXPECT_EQ(name_of(parsed({command.name})), command.name);
  EXPECT_TRUE(parsed({"view", "--follow", "--json", "--raw", "--quiet"}).has(kFollow));
  EXPECT_EQ(parsed({}).command, nullptr);
}

TEST(Options, OnlyHostsMayBeRepeated) {
  Options o = parsed({"add-peer", "alice", "--host", "a", "-H", "b:1", "--host=c"});
  EXPECT_EQ(o.values(kHost), (std::vector<std::string>{"a", "b:1", "c"}));
  EXPECT_EQ(o.value(kHost), "a");
  EXPECT_TRUE(o.values(kPort).empty());
  EXPECT_TRUE(parsed({"set-address", "alice", "--none"}).has(kNone));
  EXPECT_EQ(refused({"set-address", "alice", "-p", "1", "-p", "2"}).what, "--port was given twice");
  EXPECT_EQ(refused({"add-peer", "alice", "--none"}).what, "add-peer takes no --none");
}

TEST(Options, HelpInEverySpelling) {
  EXPECT_TRUE(parsed({"help"}).has(kHelp));
  EXPECT_EQ(name_of(parsed({"help", "send"})), "send");
  EXPECT_TRUE(parsed({"help", "send"}).has(kHelp));
  EXPECT_TRUE(parsed({"send", "--help"}).has(kHelp));
  EXPECT_TRUE(parsed({"send", "--help"}).command != nullptr);
}

TEST(Options, WrongCallsAreRefusedInWords) {
  EXPECT_EQ(refused({"ad-peer"}).what, "unknown command \"ad-peer\"");
  EXPECT_EQ(refused({"ad-peer"}).hint, "did you mean \"add-peer\"?");
  EXPECT_EQ(refused({"veiw"}).hint, "did you mean \"view\"?");
  EXPECT_EQ(refused({"send", "--mesage", "x"}).what, "unknown option --mesage");
  EXPECT_EQ(refused({"send", "--mesage=x"}).hint, "did you mean \"--message\"?");
  EXPECT_EQ(refused({"view", "-Z"}).what, "unknown option -Z");
  EXPECT_EQ(refused({"view", "--json=yes"}).what, "--json takes no value");
  EXPECT_EQ(refused({"send", "-m"}).what, "-m needs a value");
  EXPECT_EQ(refused({"view", "--last"}).what, "--last needs a value");
  EXPECT_EQ(refused({"-s", "-g"}).what, "two commands: send and view");
  EXPECT_EQ(refused({"send", "-m", "a", "-m", "b"}).what, "--message was given twice");
  EXPECT_EQ(refused({"send", "hello"}).what, "unexpected argument \"hello\"");
  EXPECT_EQ(refused({"send", "-m", "hello", "world"}).hint, "give the text with -m, in quotes");
  EXPECT_EQ(refused({"view", "alice"}).what, "unexpected argument \"alice\"");
  EXPECT_EQ(refused({"show-key", "alice", "bob"}).what, "unexpected argument \"bob\"");
  EXPECT_EQ(refused({"add-peer", "a", "--name", "b"}).what, "NAME was given twice (a, b)");
  EXPECT_EQ(refused({"view", "-g"}).what, "view was given twice");
  EXPECT_EQ(refused({"-g", "-g"}).what, "view was given twice");
  EXPECT_EQ(refused({"-a", "add-peer", "alice"}).what, "add-peer was given twice");
  EXPECT_EQ(refused({"view", "--replace"}).what, "view takes no --replace");
  EXPECT_EQ(refused({"--json"}).what, "--json needs a command");
  EXPECT_EQ(refused({""}).what, "unknown command \"\"");
}

TEST(Options, TheHintNamesTheHelpThatListsTheOptions) {
  EXPECT_EQ(refused({"view", "-Z"}).hint, "gossipc view --help lists the options");
  EXPECT_EQ(refused({"--quiet", "send", "-m"}).hint, "gossipc send --help lists the options");
  EXPECT_EQ(refused({"-g", "--json=yes"}).hint, "gossipc view --help lists the options");
  EXPECT_EQ(refused({"--zzzzzzzzzzzzzz"}).hint, "gossipc COMMAND --help lists the options");
}

TEST(Options, HelpIsPrintedFromTheTables) {
  for (const Command& command : commands()) {
    EXPECT_NE(usage().find(std::string("\n  ") + command.name), std::string::npos);
    const std::string text = usage_of(command);
    EXPECT_NE(text.find(command.help), std::string::npos);
    EXPECT_EQ(text.find("--replace") != std::string::npos, std::string(command.options).find(kReplace) != std::string::npos)
        << command.name;
    EXPECT_EQ(text.back(), '\n');
  }
  EXPECT_NE(usage().find("Examples:\n"), std::string::npos);
  EXPECT_LT(usage().size(), 2500u);
  EXPECT_LT(summary().size(), usage().size());
}

}  // namespace
}  // namespace gossip::client

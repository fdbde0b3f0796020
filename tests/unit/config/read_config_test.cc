#include <gtest/gtest.h>

#include <map>

#include "config/config.h"

namespace gossip::config {
namespace {

using Environment = std::map<std::string, std::string, std::less<>>;

Lookup lookup_in(const Environment& environment) {
  return [environment](std::string_view name) -> std::optional<std::string> {
    auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

Environment usual() { return {{"HOME", "/home/u"}, {"GOSSIPD_USERNAME", "alice"}}; }

Result<Config> read(const Environment& environment, Program program = Program::kDaemon) {
  return read_config(lookup_in(environment), program);
}

Result<Config> read_with(const std::string& name, const std::string& value) {
  Environment environment = usual();
  environment[name] = value;
  return read(environment);
}

TEST(ReadConfig, DefaultsAreTheManuals) {
  auto config = read(usual());
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->db_path, "/home/u/.local/share/gossipd/gossipd.db");
  EXPECT_EQ(config->listen_ip, "127.0.0.1");
  EXPECT_EQ(config->listen_port, 5555);
  EXPECT_EQ(config->username, "alice");
  EXPECT_EQ(config->rsa_bits, 3072);
  EXPECT_EQ(config->key_pool, 8);
  EXPECT_EQ(config->bogus_pct, 30);
  EXPECT_EQ(config->fetch_interval, 5 * kSecond);
  EXPECT_EQ(config->network_key_file, "");
  EXPECT_EQ(config->max_message, 65536u);
}

TEST(ReadConfig, ValuesAreTaken) {
  struct Row {
    const char *name, *value;
    bool (*holds)(const Config&);
  } rows[] = {
      {"GOSSIPD_DB_PATH", "/var/x/y.db", [](const Config& c) { return c.db_path == "/var/x/y.db"; }},
      {"GOSSIPD_DB_PATH", "near/y.db", [](const Config& c) { return c.db_path == "near/y.db"; }},
      {"XDG_DATA_HOME", "/data", [](const Config& c) { return c.db_path == "/data/gossipd/gossipd.db"; }},
      {"XDG_DATA_HOME", "data", [](const Config& c) { return c.db_path == "/home/u/.local/share/gossipd/gossipd.db"; }},
      {"GOSSIPD_LISTEN_IP", "::1", [](const Config& c) { return c.listen_ip == "::1"; }},
      {"GOSSIPD_LISTEN_IP", "0.0.0.0", [](const Config& c) { return c.listen_ip == "0.0.0.0"; }},
      {"GOSSIPD_LISTEN_PORT", "0", [](const Config& c) { return c.listen_port == 0; }},
      {"GOSSIPD_LISTEN_PORT", "65535", [](const Config& c) { return c.listen_port == 65535; }},
      {"GOSSIPD_USERNAME", "Bj\xc3\xb6rk", [](const Config& c) { return c.username == "Bj\xc3\xb6rk"; }},
      {"GOSSIPD_RSA_BITS", "4096", [](const Config& c) { return c.rsa_bits == 4096; }},
      {"GOSSIPD_RSA_BITS", "2048", [](const Config& c) { return c.rsa_bits == 2048; }},
      {"GOSSIPD_KEY_POOL", "1", [](const Config& c) { return c.key_pool == 1; }},
      {"GOSSIPD_BOGUS_PCT", "0", [](const Config& c) { return c.bogus_pct == 0; }},
      {"GOSSIPD_FETCH_INTERVAL", "1", [](const Config& c) { return c.fetch_interval == kSecond; }},
      {"GOSSIPD_NETWORK_KEY_FILE", "/k", [](const Config& c) { return c.network_key_file == "/k"; }},
      {"GOSSIPD_MAX_MESSAGE", "1048576", [](const Config& c) { return c.max_message == 1048576; }},
      {"GOSSIPD_FRIEND_QUOTA", "0", [](const Config& c) { return c.friend_quota == 0; }},
      {"GOSSIPD_FRIEND_QUOTA", "1000000000000", [](const Config& c) { return c.friend_quota == 1'000'000'000'000; }},
      {"GOSSIPD_KEEP", "0", [](const Config& c) { return c.keep == 0; }},
      {"GOSSIPD_KEEP", "36500", [](const Config& c) { return c.keep == 36500; }},
      {"GOSSIPD_MAX_STORE", "0", [](const Config& c) { return c.max_store == 0; }},
      {"GOSSIPD_MAX_STORE", "1048576", [](const Config& c) { return c.max_store == 1048576; }},
      {"GOSSIPD_LEDGER", "0", [](const Config& c) { return c.ledger == 0; }},
      {"GOSSIPD_LEDGER", "365", [](const Config& c) { return c.ledger == 365; }},
      {"GOSSIPD_COVER", "off", [](const Config& c) { return c.cover == Cover::kOff; }},
      {"GOSSIPD_COVER", "low", [](const Config& c) { return c.cover == Cover::kLow; }},
      {"GOSSIPD_COVER", "on", [](const Config& c) { return c.cover == Cover::kOn; }},
      {"GOSSIPD_PQ", "off", [](const Config& c) { return c.pq == Pq::kOff; }},
      {"GOSSIPD_PQ", "prefer", [](const Config& c) { return c.pq == Pq::kPrefer; }},
      {"GOSSIPD_PQ", "require", [](const Config& c) { return c.pq == Pq::kRequire; }},
  };
  for (const Row& row : rows) {
    auto config = read_with(row.name, row.value);
    ASSERT_TRUE(config.ok()) << row.name << "=" << row.value << ": " << config.refusal().what;
    EXPECT_TRUE(row.holds(*config)) << row.name << "=" << row.value;
  }
}

TEST(ReadConfig, WrongValuesAreRefusedInOneLineThatNamesTheVariable) {
  const std::pair<const char*, const char*> rows[] = {
      {"GOSSIPD_DB_PATH", ""}, {"GOSSIPD_DB_PATH", "~/gossipd.db"}, {"GOSSIPD_DB_PATH", "~"}, {"GOSSIPD_DB_PATH", "/dir/"},
      {"GOSSIPD_LISTEN_IP", ""}, {"GOSSIPD_LISTEN_IP", "localhost"}, {"GOSSIPD_LISTEN_IP", "1"}, {"GOSSIPD_LISTEN_IP", "127.1"},
      {"GOSSIPD_LISTEN_IP", "256.0.0.1"}, {"GOSSIPD_LISTEN_IP", "::g"}, {"GOSSIPD_LISTEN_IP", "127.0.0.1 "},
      {"GOSSIPD_LISTEN_PORT", ""}, {"GOSSIPD_LISTEN_PORT", "-1"}, {"GOSSIPD_LISTEN_PORT", "65536"}, {"GOSSIPD_LISTEN_PORT", "5555x"},
      {"GOSSIPD_LISTEN_PORT", " 5555"}, {"GOSSIPD_LISTEN_PORT", "+5555"}, {"GOSSIPD_LISTEN_PORT", "0x15"},
      {"GOSSIPD_LISTEN_PORT", "99999999999999999999"}, {"GOSSIPD_USERNAME", ""}, {"GOSSIPD_USERNAME", "a\nb"},
      {"GOSSIPD_USERNAME", "\xff"}, {"GOSSIPD_RSA_BITS", "1024"}, {"GOSSIPD_RSA_BITS", "3073"}, {"GOSSIPD_RSA_BITS", "03072"},
      {"GOSSIPD_KEY_POOL", "0"}, {"GOSSIPD_KEY_POOL", "1001"}, {"GOSSIPD_KEY_POOL", "eight"}, {"GOSSIPD_BOGUS_PCT", "-0"},
      {"GOSSIPD_BOGUS_PCT", "1001"}, {"GOSSIPD_BOGUS_PCT", "30%"}, {"GOSSIPD_FETCH_INTERVAL", "0"}, {"GOSSIPD_FETCH_INTERVAL", "61"},
      {"GOSSIPD_FETCH_INTERVAL", "0.5"}, {"GOSSIPD_FETCH_INTERVAL", "5s"}, {"GOSSIPD_NETWORK_KEY_FILE", ""},
      {"GOSSIPD_NETWORK_KEY_FILE", "~/key"}, {"GOSSIPD_MAX_MESSAGE", "0"}, {"GOSSIPD_MAX_MESSAGE", "1048577"},
      {"GOSSIPD_LEDGER", "-1"}, {"GOSSIPD_LEDGER", "30d"},
      {"GOSSIPD_FRIEND_QUOTA", "-1"}, {"GOSSIPD_FRIEND_QUOTA", "1G"}, {"GOSSIPD_KEEP", "36501"}, {"GOSSIPD_KEEP", "30d"},
      {"GOSSIPD_KEEP", ""}, {"GOSSIPD_MAX_STORE", "1048575"}, {"GOSSIPD_MAX_STORE", "1G"},
      {"GOSSIPD_COVER", "maybe"}, {"GOSSIPD_COVER", ""}, {"GOSSIPD_COVER", "ON"},
      {"GOSSIPD_PQ", ""}, {"GOSSIPD_PQ", "yes"}, {"GOSSIPD_PQ", "Require"}, {"GOSSIPD_PASSPHRASE_FILE", ""}, {"GOSSIPD_PASSPHRASE_FILE", "~/x"},
      {"GOSSIPD_PASSPHRASE_FD", ""}, {"GOSSIPD_PASSPHRASE_FD", "1"}, {"GOSSIPD_PASSPHRASE_FD", "2"}, {"GOSSIPD_PASSPHRASE_FD", "-1"},
      {"GOSSIPD_PASSPHRASE_FD", "65536"}, {"GOSSIPD_PASSPHRASE_FD", "my secret"},
  };
  for (const auto& [name, value] : rows) {
    auto config = read_with(name, value);
    ASSERT_FALSE(config.ok()) << name << "=" << value;
    EXPECT_TRUE(config.refusal().what.starts_with(std::string(name) + " ")) << config.refusal().what;
    for (char c : config.refusal().what) EXPECT_FALSE(c == '\n' || c == '\033') << name;
  }
  EXPECT_FALSE(read_with("GOSSIPD_USERNAME", std::string(65, 'a')).ok());
  EXPECT_EQ(read_with("GOSSIPD_PASSPHRASE_FD", "0")->passphrase_fd, 0);
  Environment both = usual();
  both["GOSSIPD_PASSPHRASE_FILE"] = "/x", both["GOSSIPD_PASSPHRASE_FD"] = "3";
  EXPECT_FALSE(read_config(lookup_in(both), Program::kDaemon).ok());
  EXPECT_TRUE(read_with("GOSSIPD_USERNAME", std::string(64, 'a')).ok());
  EXPECT_FALSE(read_with("GOSSIPD_DB_PATH", std::string(5000, 'a')).ok());
}

// F26: the default directory was once a folder literally called "~".
TEST(ReadConfig, F26TildeIsRefusedWithAHint) {
  auto config = read_with("GOSSIPD_DB_PATH", "~/.gossipd/gossipd.db");
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.refusal().hint.find("$HOME"), std::string::npos);
}

TEST(ReadConfig, TheDaemonNeedsANameAndAHomeTheClientOnlyAPath) {
  EXPECT_FALSE(read({{"HOME", "/home/u"}}).ok());
  EXPECT_FALSE(read({{"GOSSIPD_USERNAME", "alice"}}).ok());
  EXPECT_FALSE(read({{"GOSSIPD_USERNAME", "alice"}, {"HOME", "relative"}}).ok());
  EXPECT_TRUE(read({{"GOSSIPD_DB_PATH", "/x.db"}}, Program::kClient).ok());
  EXPECT_TRUE(read({{"GOSSIPD_DB_PATH", "/x.db"}, {"GOSSIPD_LISTEN_PORT", "nonsense"}}, Program::kClient).ok());
  EXPECT_FALSE(read({{"GOSSIPD_DB_PATH", "/x.db"}, {"GOSSIPD_USERNAME", "a\tb"}}, Program::kClient).ok());
  EXPECT_TRUE(read({{"GOSSIPD_DB_PATH", "/x.db"}, {"GOSSIPD_USERNAME", ""}}, Program::kClient).ok());
  const Result<Config> daemon = read_with("GOSSIPD_USERNAME", "");
  ASSERT_FALSE(daemon.ok());
  EXPECT_EQ(daemon.refusal().hint.find("--source"), std::string::npos);
}

TEST(Describe, SaysWhereEachValueCameFrom) {
  Environment environment = usual();
  environment["GOSSIPD_LISTEN_PORT"] = "7000";
  auto lookup = lookup_in(environment);
  auto config = read_config(lookup, Program::kDaemon);
  ASSERT_TRUE(config.ok());
  std::map<std::string, Shown> rows;
  for (const Shown& row : describe(lookup, *config)) rows[row.name] = row;
  EXPECT_EQ(rows["GOSSIPD_LISTEN_PORT"].value, "7000");
  EXPECT_EQ(rows["GOSSIPD_LISTEN_PORT"].origin, "environment");
  EXPECT_EQ(rows["GOSSIPD_LISTEN_IP"].value, "127.0.0.1");
  EXPECT_EQ(rows["GOSSIPD_LISTEN_IP"].origin, "default");
  EXPECT_EQ(rows["GOSSIPD_FETCH_INTERVAL"].value, "5");
  EXPECT_EQ(rows["GOSSIPD_COVER"].value, "low");
  EXPECT_EQ(rows["GOSSIPD_PQ"].value, "prefer");
}

TEST(UnknownVariables, AreNamedOnlyWhenTheyLookLikeOurs) {
  EXPECT_EQ(unknown_variables({"PATH", "GOSSIPD_PORT", "GOSSIPD_DB_PATH", "GOSSIPD_A", "gossipd_x"}),
            (std::vector<std::string>{"GOSSIPD_A", "GOSSIPD_PORT"}));
}

}  // namespace
}  // namespace gossip::config

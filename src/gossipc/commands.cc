#include "gossipc/commands.h"

#include <iterator>

namespace gossip::client {

constexpr char kInviteMore[] =
    "Give the line to this friend and to nobody else, over a way you trust: whoever uses it first becomes NAME here. It works\n"
    "once. Then both of you see a pair code, to be compared aloud. One of you has to be reachable: --here says where you are\n"
    "called, --host where you call the friend. A new friend gets everything kept here, old messages too.\n"
    "\n"
    "  gossipc invite bob --here alice.example > for-bob.txt\n"
    "  gossipc invite bob --here 192.0.2.7:5556 --expires 2h --wait 7200\n"
    "  gossipc invite bob --host bob.example     we call bob\n";
constexpr char kJoinMore[] =
    "Reads the line that a friend made with invite. NAME is what you call the friend; the name in the line if not given.\n"
    "--host takes the place of the addresses in the line.\n"
    "\n"
    "  gossipc join                              then paste the line\n"
    "  gossipc join alice --wait 60 < from-alice.txt\n";

static const Command kTable[] = {
      {"add-peer", "add-peer", 'a', kName, "nHpR", " NAME [--host HOST[:PORT]]... [--port PORT]",
       "make a friend: prints the key to give them",
       "Prints \"Exchange key:\" and a public key on standard output. Give it to this friend and to nobody else, over a way you\n"
       "trust. Both public keys are a secret between the two of you. A new friend gets everything kept here, old messages too.\n"
       "\n"
       "  gossipc add-peer alice --host alice.example --port 5556\n"
       "  gossipc add-peer alice --host alice.example --host 192.0.2.7 --host '[2001:db8::7]:5556'\n"
       "  gossipc add-peer bob                  we wait for bob's call\n"
       "  gossipc add-peer alice --replace      a new key for alice; the old one is deleted\n",
       add_peer},
      {"invite", nullptr, 0, kName, "nLeHpRz", " NAME [--here HOST[:PORT]]... [--expires SPAN]",
       "make a friend in one step: prints a line for them to paste",
       kInviteMore, invite},
      {"join", nullptr, 0, kName, "nHpz", " [NAME] [--host HOST[:PORT]]...", "take an invitation, from standard input",
       kJoinMore, join},
      {"set-peer-key", "set-peer-key", 'P', kName, "nkRQ", " NAME --pubkey-file FILE", "take in the key a friend made for you",
       "The file holds one public key; text around it is ignored. Compare the pair code with your friend, by voice.\n"
       "\n"
       "  gossipc set-peer-key alice --pubkey-file from-alice.txt\n"
       "  gossipc set-peer-key alice --pubkey-file - < from-alice.txt\n"
       "  gossipc set-peer-key alice --reset-pq     alice's machine can do no post-quantum key exchange any more\n",
       set_peer_key},
      {"set-address", nullptr, 0, kName, "nHpN", " NAME --host HOST[:PORT]... [--port PORT]", "change where a friend is called",
       "These addresses take the place of those there were, up to 8. The one that worked last is tried first, then the others\n"
       "in this order. Keys stay as they are, and so does how far you have read each other.\n"
       "\n"
       "  gossipc set-address alice --host alice.example:5556 --host '[2001:db8::7]:5556'\n"
       "  gossipc set-address alice --none      we wait for alice's call\n",
       set_address},
      {"rename", nullptr, 0, kName, "n2", " NAME NEW", "call a friend by another name",
       "What this friend delivered is shown under the new name, too. Nobody else is told.\n"
       "\n"
       "  gossipc rename alice alice-work\n",
       rename, kTo},
      {"show-key", nullptr, 0, kName, "n", " NAME", "print the key you give to a friend again",
       "  gossipc show-key alice > for-alice.txt\n", show_key},
      {"delete-peer", "delete-peer", 'd', kName, "n", " NAME", "end a friendship and delete its keys",
       "What this friend delivered stays, under NAME~N.\n"
       "\n"
       "  gossipc delete-peer alice\n",
       delete_peer},
      {"peers", nullptr, 0, kHelp, "j", "", "list the friends and how they are", "  gossipc peers\n", peers},
      {"keys", nullptr, 0, kHelp, "j", "", "count the keys", "  gossipc keys\n", keys},
      {"send", "send-message", 's', kHelp, "Smybj", "", "say something: prints the message's id",
       "A pipe loses one line end at its end; nothing else is changed. With --batch --json each line is an object with\n"
       "\"text\" and, if you like, \"source\". A bad line ends the batch: what came before it is sent and its ids are\n"
       "printed, nothing after it.\n"
       "\n"
       "  gossipc send --source bob -m \"hello world\"\n"
       "  fortune | gossipc send\n"
       "  gossipc send --reply 3f9a0c51 -m \"at noon\"       answers the message whose id begins so\n"
       "  gossipc send --batch < lines.txt > ids.txt\n",
       send},
      {"view", "view-messages", 'g', kHelp, "ltTfCWUMiGoFjr", "", "print the messages, in the order they were heard",
       "At a terminal: the time (UTC), the beginning of the id, who delivered it, who claims to have sent it, the text; answers\n"
       "under what they answer. Elsewhere one line each, with line breaks and other controls shown as escapes. What --unread\n"
       "alone has shown is read from then on. Exit 1 when nothing matched.\n"
       "\n"
       "  gossipc view --last 20\n"
       "  gossipc view --unread\n"
       "  gossipc view --since 2h --from alice\n"
       "  gossipc view --search 'umbrella rain*' --sender bob\n"
       "  gossipc view --format '%i %s: %m'\n"
       "  gossipc view --json --follow --last 0 | jq -r .text\n",
       view},
      {"watch", nullptr, 0, kHelp, "i", "", "print what happens as JSON Lines, until interrupted",
       "Each line is an object with \"event\": \"message\", with what view --json says; \"friend\", with what peers --json\n"
       "says, for each friend at first and then when one comes or goes; \"friend_gone\". With --after it begins behind that\n"
       "message, so that nothing is missed by who was away.\n"
       "\n"
       "  gossipc watch | jq -r 'select(.event == \"message\").text'\n"
       "  gossipc watch --after \"$last_id\"\n",
       watch},
      {"mute", nullptr, 0, kName, "nf4", " NAME | --from PEER", "hide what claims a sender, or what a friend delivers",
       "view leaves it out, unless with --all, and hooks are not run for it. It is stored and passed on as ever.\n"
       "\n"
       "  gossipc mute carol --for 7d\n"
       "  gossipc mute --from alice      all that alice was the first to deliver, whoever sent it\n",
       mute},
      {"unmute", nullptr, 0, kName, "nf", " NAME | --from PEER", "show it again", "  gossipc unmute carol\n", unmute},
      {"mutes", nullptr, 0, kHelp, "j", "", "list what is muted", "  gossipc mutes\n", mutes},
      {"status", nullptr, 0, kId, "j", " [ID]", "how daemon, database and friends are; with an id, who has passed it",
       "  gossipc status\n"
       "  gossipc status \"$(gossipc send -m hello)\"\n",
       status},
      {"delete", nullptr, 0, kId, "", " ID", "delete the text of a message here, for good",
       "ID is the whole id, or its beginning, from 8 digits on. What others hold of it stays with them; here it does not come\n"
       "back. Prints the id.\n"
       "\n"
       "  gossipc delete \"$(gossipc view --json --last 1 | jq -r .id)\"\n",
       delete_message},
      {"who", nullptr, 0, kId, "j", " ID", "who told us of a message, in which order",
       "One line each: time (UTC), name, and \"delivered\" for the friend the text came from, who is the first line, \"told\" for\n"
       "those who only told us of it, \"wrote\" for self. These are kept for GOSSIPD_LEDGER days.\n"
       "\n"
       "  gossipc who \"$(gossipc view --json --last 1 | jq -r .id)\"\n",
       who},
      {"ping", nullptr, 0, kName, "nj", " NAME", "how long a friend's daemon takes to answer",
       "Over the session there is; exit 1 where there is none, 8 without a daemon, 9 when no answer comes within 10 s.\n"
       "\n"
       "  gossipc ping alice\n",
       ping},
      {"graph", nullptr, 0, kHelp, "", "", "draw friends and senders, for Graphviz",
       "Solid: who delivered to us, which we know. Dashed: who is claimed to have sent it. Of the last 100,000 messages, and the\n"
       "100 claims made most often.\n"
       "\n"
       "  gossipc graph | dot -Tsvg > gossip.svg\n",
       graph},
      {"sql", nullptr, 0, kSql, "j", " QUERY", "ask the views v_messages and v_peers",
       "Prints the rows, their values between bars, or with --json as objects. Nothing can be changed, and no key be seen.\n"
       "\n"
       "  gossipc sql 'select delivered_by, count(*) from v_messages group by 1 order by 2 desc'\n"
       "  gossipc sql --json 'select name, last_up_ms from v_peers'\n",
       sql},
      {"passphrase", nullptr, 0, kHelp, "wx", "", "seal names and keys in the database, or change or remove the seal",
       "With neither option: says how the database is sealed; exit 1 when it is not. The present passphrase is where\n"
       "GOSSIPD_PASSPHRASE_FILE or GOSSIPD_PASSPHRASE_FD says. The daemon must not run meanwhile.\n"
       "\n"
       "  gossipc passphrase --new-file ~/.gossipd-passphrase\n"
       "  gossipc passphrase --remove\n",
       passphrase},
      {"fsck", nullptr, 0, kHelp, "uj", "", "look over database, keys, files and clock; changes nothing",
       "One line for each thing that is wrong: WARNING, or ERROR where it does not work as it is, and what to do about it.\n"
       "Exit 10 when there was an ERROR.\n"
       "\n"
       "  gossipc fsck\n"
       "  gossipc fsck --full      every text is hashed again; some seconds for a million\n",
       fsck},
      {"recover", nullptr, 0, kHelp, "Ij", " [--into FILE]", "save what can be read of a damaged database into a new one",
       "The damaged database stays as it is. The daemon must not run. What was lost and friends have comes again from them,\n"
       "once the daemon runs on the new one.\n"
       "\n"
       "  gossipc recover\n"
       "  gossipc recover --into /mnt/stick/gossipd/saved.db\n",
       recover},
      {"backup", nullptr, 0, kFile, "R", " FILE", "copy the database to a file, while the daemon runs",
       "The copy is of one moment, is read again and found whole before it gets its name, and only you can read it. It holds\n"
       "your private keys: keep it as safe as the database. What is sealed stays sealed.\n"
       "\n"
       "  gossipc backup /mnt/stick/gossipd.backup\n"
       "  gossipc backup ~/gossipd.backup --replace\n",
       backup},
      {"restore", nullptr, 0, kFile, "", " FILE", "put a backup in the place of the database",
       "The daemon must not run. The database there was is kept beside, as NAME.before-restore-TIME. Friends notice by\n"
       "themselves, and what was lost since comes back from them.\n"
       "\n"
       "  gossipc restore /mnt/stick/gossipd.backup\n",
       restore},
      {"forge-transcript", nullptr, 0, kHelp, "ABSmb", " --hearer FILE --speaker FILE", "make up a conversation that never was, to deny real ones",
       "Prints a transcript of a session in which the hearer called the speaker and was told the text. It is made from the two\n"
       "public keys alone, and is found in order by whoever holds the hearer's private key, as a real one would be.\n"
       "\n"
       "  gossipc forge-transcript --hearer bob.pem --speaker alice.pem --source alice -m \"I owe you ten pounds\"\n",
       forge_transcript},
      {"completion", nullptr, 0, kShell, "", " bash|zsh|fish", "print what a shell needs to complete commands, flags and names",
       "  source <(gossipc completion bash)      in ~/.bashrc\n"
       "  source <(gossipc completion zsh)       in ~/.zshrc, behind compinit\n"
       "  gossipc completion fish | source       in ~/.config/fish/config.fish\n",
       completion},
};

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands(std::begin(kTable), std::end(kTable));
  return kCommands;
}

std::string usage() {
  return summary(true) +
         "The old spelling works for ever: gossipc --add-peer --name alice --host 127.0.0.1 --port 5556\n"
         "The database is GOSSIPD_DB_PATH. Standard output is data, standard error is words; exit codes are in gossipc(1).\n"
         "\n"
         "Examples:\n"
         "  gossipc invite bob --here alice.example        bob says gossipc join, and pastes the line\n"
         "  gossipc send --source alice -m \"hello world\"\n"
         "  gossipc view --follow\n";
}

}  // namespace gossip::client

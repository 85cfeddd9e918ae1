#include "tests/support/target_control.hpp"
#include "tests/support/target_server.hpp"

#include <boost/asio/signal_set.hpp>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

// A small iSCSI target with disks in memory, for tests of the programs: listens on loopback until
// SIGTERM or SIGINT, prints the initiators' violations of RFC 7143 and exits 1 if there were any.
namespace {

struct arguments {
    std::string port_file;
    std::uint16_t port = 0;
    std::uint64_t size_mib = 64;
    std::uint16_t luns = 1;
    std::uint32_t block_size = 512;
    bool read_only = false;
    bool volatile_cache = false;
    bool ignore_flushes = false;
    bool no_digests = false;
    bool no_immediate_data = false;
    std::vector<std::string> faults;
    std::string fault_file;
    std::string answer_file;
    std::string control;
    std::vector<std::string> tell; // socket and line
    std::string like;
    std::uint64_t rate = 0;
    unsigned delay = 0;
    std::vector<std::string> chap_digests;
    bool no_caching_page = false;
    bool write_through = false;
    bool thick = false;
    iscsi::test::target_options target;
};

void describe(CLI::App& app, arguments& wanted) {
    auto& wants = wanted.target.wants;
    app.add_option("--port-file", wanted.port_file, "write the port here, once listening");
    app.add_option("--port", wanted.port, "0: any free port");
    app.add_option("--size", wanted.size_mib, "MiB of each disk")->check(CLI::Range(1, 65536));
    app.add_option("--luns", wanted.luns)->check(CLI::Range(1, 1024));
    app.add_option("--block-size", wanted.block_size)->check(CLI::IsMember({512, 4096}));
    app.add_flag("--read-only", wanted.read_only);
    app.add_flag(
        "--volatile-cache",
        wanted.volatile_cache,
        "SIGUSR1 cuts the power: what was not flushed is lost at random, and nobody is let in "
        "until SIGUSR2"
    );
    app.add_flag("--ignore-flushes", wanted.ignore_flushes, "lie about flushes and FUA");
    app.add_option("--name", wanted.target.name, "target name");
    app.add_option(
        "--further-names", wanted.target.further_names, "targets NAME-1 and so on with these disks"
    );
    app.add_option("--window", wanted.target.command_window, "MaxCmdSN - ExpCmdSN + 1");
    app.add_option("--fault", wanted.faults, "a line of a fault script (may be repeated)");
    app.add_option("--faults", wanted.fault_file, "a file with a fault script")
        ->check(CLI::ExistingFile);
    app.add_option(
           "--send-targets", wanted.answer_file, "lines KEY=VALUE to answer SendTargets with"
    )
        ->check(CLI::ExistingFile);
    app.add_flag("--null", wanted.target.null, "read zeros, throw away what is written");
    app.add_option("--control", wanted.control, "a unix socket to talk to while it runs");
    app.add_option("--tell", wanted.tell, "SOCKET LINE: says it to a running one, and ends")
        ->expected(2);
    app.add_option("--like", wanted.like, "has the habits of this target")
        ->check(CLI::IsMember(iscsi::test::target_profiles()));
    app.add_option("--rate", wanted.rate, "bytes a second of each connection and direction");
    app.add_option("--delay", wanted.delay, "ms before each answer to a command");
    app.add_flag("--no-caching-page", wanted.no_caching_page);
    app.add_flag("--write-through", wanted.write_through, "WCE is 0");
    app.add_flag("--thick", wanted.thick, "no UNMAP");
    auto& chap = wanted.target.chap;
    app.add_option("--chap-user", chap.user, "lets only this name in, by CHAP");
    app.add_option("--chap-secret", chap.secret);
    app.add_option("--chap-own-name", chap.own_name, "for mutual CHAP");
    app.add_option("--chap-own-secret", chap.own_secret);
    app.add_option("--chap-digests", wanted.chap_digests, "of MD5, SHA1, SHA256, SHA3-256")
        ->delimiter(',');
    app.add_flag("!--no-discovery-chap", chap.in_discovery, "anybody may discover");
    app.add_option("--initiator", wanted.target.habits.initiators, "who may log in");
    app.add_flag("--initial-r2t", wants.initial_r2t);
    app.add_flag("--no-immediate-data", wanted.no_immediate_data);
    app.add_flag("--no-digests", wanted.no_digests);
    app.add_option("--max-burst", wants.max_burst_length);
    app.add_option("--first-burst", wants.first_burst_length);
    app.add_option("--max-outstanding-r2t", wants.max_outstanding_r2t);
    app.add_option("--max-recv", wants.max_recv_data_segment_length);
}

iscsi::test::disk_options disk_of(const arguments& wanted, std::uint16_t lun) {
    iscsi::test::disk_options disk;
    disk.size = wanted.size_mib << 20U;
    disk.block_size = wanted.block_size;
    disk.read_only = wanted.read_only;
    disk.loses_cache = wanted.volatile_cache;
    disk.write_cache = !wanted.write_through;
    disk.has_caching_page = !wanted.no_caching_page;
    disk.thin = !wanted.thick;
    disk.serial = wanted.target.name.substr(0, 64) + ":" + std::to_string(lun);
    return disk;
}

// Whole or not at all: a waiting script must not read half a number.
void write_port(const std::string& path, std::uint16_t port) {
    if (path.empty())
        return;
    const std::string temporary = path + ".new";
    std::ofstream(temporary) << port << '\n';
    if (std::rename(temporary.c_str(), path.c_str()) != 0)
        throw std::runtime_error("cannot write " + path);
}

iscsi::test::fault_injector injector_of(const arguments& wanted) {
    std::ostringstream script;
    for (const auto& line : wanted.faults)
        script << line << '\n';
    if (!wanted.fault_file.empty())
        script << std::ifstream(wanted.fault_file).rdbuf();
    auto rules = iscsi::test::parse_fault_script(script.str());
    if (rules.has_error())
        throw std::invalid_argument(rules.error().text());
    return iscsi::test::fault_injector(*std::move(rules));
}

iscsi::text_pairs answer_of(const std::string& file) {
    iscsi::text_pairs answer;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const auto equals = line.find('=');
        answer.push_back(
            {line.substr(0, equals), line.substr(std::min(equals, line.size() - 1) + 1)}
        );
    }
    return answer;
}

std::vector<std::uint8_t> numbers_of(const std::vector<std::string>& digests) {
    std::vector<std::uint8_t> numbers;
    for (const auto& name : digests) {
        const auto number = iscsi::test::chap_number_of(name);
        if (!number)
            throw std::invalid_argument("no digest of CHAP: " + name);
        numbers.push_back(*number);
    }
    return numbers;
}

// SIGUSR1: off, SIGUSR2: on again.
class power_switch {
  public:
    power_switch(
        boost::asio::io_context& context,
        iscsi::test::target_server& server,
        iscsi::test::memory_target& target
    )
        : server_(server), target_(target), signals_(context, SIGUSR1, SIGUSR2) {
        wait();
    }

  private:
    void wait() {
        signals_.async_wait([this](auto error, int signal) {
            if (error)
                return;
            signal == SIGUSR1 ? cut() : target_.options().refuse_login.reset();
            wait();
        });
    }

    void cut() {
        target_.options().refuse_login = {std::uint8_t{3}, std::uint8_t{1}}; // unavailable
        server_.drop_connections();
        for (auto& [number, disk] : target_.disks())
            disk->cut_power([this] { return random_() % 2 == 0; });
        std::cerr << "power cut\n";
    }

    iscsi::test::target_server& server_;
    iscsi::test::memory_target& target_;
    boost::asio::signal_set signals_;
    std::mt19937 random_{std::random_device()()};
};

// A profile brings its own wishes; of the command line only the name and CHAP go before it.
iscsi::test::disk_options prepare(arguments& wanted) {
    using namespace iscsi::test;
    auto like_all = disk_of(wanted, 0);
    if (!wanted.like.empty()) {
        target_options profile;
        behave_like(wanted.like, profile, like_all);
        profile.name = wanted.target.name;
        profile.chap.user = wanted.target.chap.user;
        profile.chap.secret = wanted.target.chap.secret;
        profile.chap.own_name = wanted.target.chap.own_name;
        profile.chap.own_secret = wanted.target.chap.own_secret;
        profile.chap.in_discovery = wanted.target.chap.in_discovery;
        wanted.target = std::move(profile);
    }
    auto& wants = wanted.target.wants;
    wants.immediate_data = wants.immediate_data && !wanted.no_immediate_data;
    if (wanted.no_digests)
        wants.header_digest = wants.data_digest = {iscsi::digest::none};
    if (!wanted.answer_file.empty())
        wanted.target.send_targets = answer_of(wanted.answer_file);
    if (!wanted.chap_digests.empty())
        wanted.target.chap.algorithms = numbers_of(wanted.chap_digests);
    return like_all;
}

void add_disks(
    iscsi::test::memory_target& target,
    const arguments& wanted,
    const iscsi::test::disk_options& like_all
) {
    const std::uint16_t first = wanted.target.has_controller ? 2 : 1;
    for (std::uint16_t lun = first; lun < first + wanted.luns - 1; ++lun) {
        auto disk = like_all;
        disk.serial = disk_of(wanted, lun).serial;
        target.add_disk(lun, std::move(disk));
    }
    for (auto& [number, disk] : target.disks()) {
        if (wanted.ignore_flushes)
            disk->ignore_flushes();
        target.condition(number).delay = std::chrono::milliseconds(wanted.delay);
    }
}

// What it has to say at its end; the exit status.
int report(const iscsi::test::memory_target& target, const iscsi::test::fault_injector& faults) {
    std::cerr << "faults: " << faults.faults() << '\n';
    for (const auto& complaint : target.complaints())
        std::cerr << "violation: " << complaint << '\n';
    return target.complaints().empty() ? 0 : 1;
}

int serve(arguments& wanted) {
    using namespace iscsi::test;
    auto faults = injector_of(wanted);
    const auto like_all = prepare(wanted);
    memory_target target(wanted.target, like_all);
    add_disks(target, wanted, like_all);
    boost::asio::io_context context(1);
    target_server server(context, target, wanted.port);
    server.use(faults);
    server.set_rate(wanted.rate);
    target.crash = [&context] { context.stop(); };
    target.options().address = "127.0.0.1:" + std::to_string(server.port());
    target_control control({target, server, faults, like_all});
    std::optional<control_socket> socket;
    if (!wanted.control.empty())
        socket.emplace(context, wanted.control, control);
    write_port(wanted.port_file, server.port());
    power_switch power(context, server, target);
    boost::asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&context](auto, int) { context.stop(); });
    context.run();
    return report(target, faults);
}

int tell(const arguments& wanted) {
    const auto answer = iscsi::test::tell_target(wanted.tell.at(0), wanted.tell.at(1));
    std::cout << answer << '\n';
    return answer.starts_with("error") ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
    arguments wanted;
    CLI::App app("iSCSI target in memory, for tests");
    describe(app, wanted);
    CLI11_PARSE(app, argc, argv);
    try {
        return wanted.tell.empty() ? serve(wanted) : tell(wanted);
    } catch (const std::exception& error) {
        std::cerr << "test-target: " << error.what() << '\n';
        return 2;
    }
}

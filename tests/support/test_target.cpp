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
    app.add_option("--window", wanted.target.command_window, "MaxCmdSN - ExpCmdSN + 1");
    app.add_option("--fault", wanted.faults, "a line of a fault script (may be repeated)");
    app.add_option("--faults", wanted.fault_file, "a file with a fault script")
        ->check(CLI::ExistingFile);
    app.add_option(
           "--send-targets", wanted.answer_file, "lines KEY=VALUE to answer SendTargets with"
    )
        ->check(CLI::ExistingFile);
    app.add_flag("--null", wanted.target.null, "read zeros, throw away what is written");
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

int serve(arguments& wanted) {
    using namespace iscsi::test;
    auto faults = injector_of(wanted);
    if (!wanted.answer_file.empty())
        wanted.target.send_targets = answer_of(wanted.answer_file);
    auto& wants = wanted.target.wants;
    wants.immediate_data = !wanted.no_immediate_data;
    if (wanted.no_digests)
        wants.header_digest = wants.data_digest = {iscsi::digest::none};
    memory_target target(wanted.target, disk_of(wanted, 0));
    for (std::uint16_t lun = 1; lun < wanted.luns; ++lun)
        target.add_disk(lun, disk_of(wanted, lun));
    if (wanted.ignore_flushes)
        for (auto& [number, disk] : target.disks())
            disk->ignore_flushes();
    boost::asio::io_context context(1);
    target_server server(context, target, wanted.port);
    if (!faults.is_empty())
        server.use(faults);
    target.options().address = "127.0.0.1:" + std::to_string(server.port());
    write_port(wanted.port_file, server.port());
    power_switch power(context, server, target);
    boost::asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&context](auto, int) { context.stop(); });
    context.run();
    std::cerr << "faults: " << faults.faults() << '\n';
    for (const auto& complaint : target.complaints())
        std::cerr << "violation: " << complaint << '\n';
    return target.complaints().empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    arguments wanted;
    CLI::App app("iSCSI target in memory, for tests");
    describe(app, wanted);
    CLI11_PARSE(app, argc, argv);
    try {
        return serve(wanted);
    } catch (const std::exception& error) {
        std::cerr << "test-target: " << error.what() << '\n';
        return 2;
    }
}

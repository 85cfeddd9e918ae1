#pragma once

#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/manager_world.hpp"

#include "iscsid/session/rediscovery.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fstream>
#include <map>

namespace iscsid::session {

using admin::exit_code;

inline const admin::discovery_id here{"10.0.0.5", 3260};
inline const admin::discovery_id there{"10.0.0.6", 3260};
inline const std::string first = "iqn.2026-01.org.example:first";
inline const std::string second_name = "iqn.2026-01.org.example:second";

// Sources that answer what the test wants, are asked every 10 ms, and have a manager to log in
// with.
struct repeated_discovery : manager_world {
    repeated_discovery() {
        EXPECT_TRUE(records->remove(node).has_value());
        std::ofstream(folder / "conf") << "node.startup = automatic\n"
                                          "node.conn[0].timeo.logout_timeout = 1\n";
        settings.config = admin::config::load(folder / "conf");
    }

    void repeat(const admin::discovery_id& id, const std::string& interval = "1") {
        admin::record record(admin::record_kind::send_targets);
        const std::vector<admin::assignment> all{
            {"discovery.sendtargets.address", id.address},
            {"discovery.sendtargets.port", std::to_string(id.port)},
            {"discovery.sendtargets.use_discoveryd", "Yes"},
            {"discovery.sendtargets.discoveryd_poll_inval", interval}};
        for (const auto& [key, value] : all)
            ASSERT_TRUE(record.assign(key, value).has_value());
        ASSERT_TRUE(records->write_discovery(record).has_value());
    }

    void forget(const admin::discovery_id& id) {
        ASSERT_TRUE(records->remove_discovery(id).has_value());
    }

    void start() {
        show(luns);
        keeper.emplace(
            all(),
            login_keeper::options{
                context.get_executor(), folder / "kept.json", "this boot", {}, 1ms}
        );
        repeats.emplace(
            all(),
            *keeper,
            rediscovery::options{
                context.get_executor(),
                &workers,
                records.get(),
                [this](auto plan, auto note) { return answer(std::move(plan), std::move(note)); },
                registers_by,
                20ms,
                10ms}
        );
        repeats->start();
    }

    // What the source names; nothing: it does not answer; "hangs" hangs.
    asio::awaitable<rediscovery::answer> answer(discovery_plan plan, note_taker note) {
        const auto source = plan.host;
        ++polls[source];
        isids.push_back(plan.session.isid);
        if (silent.contains(source)) {
            asio::steady_timer never(context, std::chrono::hours(1));
            co_await never.async_wait(asio::use_awaitable);
        }
        const auto known = targets.find(source);
        if (known == targets.end()) {
            note("cannot make connection to " + source + ": Connection refused");
            co_return failure{exit_code::pdu_timeout, "tries used up"};
        }
        std::vector<discovered_portal> named;
        for (const auto& target : known->second)
            named.push_back({target, homes.contains(target) ? homes[target] : source, 3260, tag});
        for (const auto& target : left_out)
            plan.hears_left_out(target);
        co_return named;
    }

    static admin::node_id node_of(const std::string& target, int group_tag = 1) {
        return {target, here.address, 3260, group_tag, "default"};
    }

    // As -o update does it.
    void edit(const admin::node_id& id, const std::string& key, const std::string& value) {
        auto record = records->find(id).value();
        ASSERT_TRUE(record);
        ASSERT_TRUE(record->update(key, value).has_value());
        ASSERT_TRUE(records->write(*record).has_value());
    }

    bool has_record(const std::string& target) {
        return records->find(node_of(target)).value().has_value();
    }

    bool has_session(const std::string& target) { return all().has_session(target); }

    // Two more polls of a source have ended.
    bool until_asked_again(const std::string& source = here.address) {
        const auto before = polls[source];
        return until([&] { return polls[source] >= before + 3; });
    }

    std::map<std::string, std::vector<std::string>> targets;
    std::map<std::string, int> polls;
    std::set<std::string> silent;
    std::map<std::string, std::string> homes; // addresses of targets; usually that of the source
    int tag = 1;                              // of every portal
    std::vector<std::string> left_out;        // targets of entries that are
    asio::any_io_executor registers_by{};     // none: not at all
    std::vector<iscsi::isid_field> isids;
    std::optional<login_keeper> keeper;
    std::optional<rediscovery> repeats;
    captured_log log;
};

} // namespace iscsid::session

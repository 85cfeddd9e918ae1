#include "iscsid/session/node_records.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using admin::exit_code;

namespace {

// One that cannot be read is none.
std::optional<admin::record>
record_in(const admin::record_store* from, const admin::node_id& node) {
    if (from == nullptr)
        return std::nullopt;
    auto found = from->find(node);
    const bool usable = found && *found && !(*found)->is_damaged();
    return usable ? *std::move(found) : std::nullopt;
}

// What a record says and its key does not take is not guessed at.
outcome<admin::record> without_bad_values(admin::record record) {
    if (!record.bad_values().empty())
        return failure{exit_code::invalid, record.bad_values().front().why};
    return record;
}

} // namespace

asio::awaitable<records_read> node_records::read(std::vector<admin::node_id> nodes) const {
    const auto look = [from = *this, nodes = std::move(nodes)] {
        records_read all;
        for (const auto& node : nodes)
            all.push_back(from.record_of(node));
        return all;
    };
    co_return co_await run_on(*readers_, look);
}

asio::awaitable<record_read> node_records::read(admin::node_id node) const {
    const auto look = [from = *this, node = std::move(node)] { return from.record_of(node); };
    co_return co_await run_on(*readers_, look);
}

asio::awaitable<discovery_records> node_records::read(discovery_request what) const {
    if (!what.use_record && what.interface.empty()) // nothing of the database
        co_return records_of(what);
    const auto look = [from = *this, what = std::move(what)] { return from.records_of(what); };
    co_return co_await run_on(*readers_, look);
}

outcome<admin::record> node_records::record_of(const admin::node_id& node) const {
    auto found = stored_record(node);
    if (found.has_error())
        return found;
    return without_bad_values(*std::move(found));
}

outcome<admin::record> node_records::stored_record(const admin::node_id& node) const {
    auto found = stored_->find(node);
    if (found.has_error())
        return failure{exit_code::database, found.error().text()};
    if (found->has_value() && (*found)->is_damaged())
        return failure{exit_code::database, (*found)->bad_values().front().why};
    if (found->has_value())
        return **std::move(found);
    if (auto remembered = record_in(in_memory_, node))
        return *std::move(remembered);
    return failure{exit_code::no_objects_found, "no record of " + node.target};
}

outcome<admin::record> node_records::left_record(const admin::node_id& node) const {
    if (auto remembered = record_in(in_memory_, node))
        return *std::move(remembered);
    return stored_record(node);
}

// Not in the place of what the initramfs has logged in by with another name: its session is that
// name's.
void node_records::remember(const admin::record& node) const {
    if (in_memory_ == nullptr)
        return;
    const auto before = record_in(in_memory_, id_of(node));
    if (before && before->get("iface.initiatorname") != node.get("iface.initiatorname"))
        return;
    if (const auto written = in_memory_->write(node); !written)
        spdlog::warn(
            "the next iscsid will read a record from the database: {}", written.error().text()
        );
}

discovery_records node_records::records_of(const discovery_request& what) const {
    return {source_of(what), interface_of(what)};
}

outcome<admin::record> node_records::source_of(const discovery_request& what) const {
    if (!what.use_record)
        return admin::record(admin::record_kind::send_targets);
    auto found = stored_->find_discovery({what.address, what.port, what.kind});
    if (found.has_error())
        return failure{exit_code::database};
    if (!found->has_value())
        return failure{exit_code::no_objects_found};
    return without_bad_values(**std::move(found));
}

// Without a name: the daemon's own name, any network device.
outcome<admin::record> node_records::interface_of(const discovery_request& what) const {
    if (what.interface.empty())
        return admin::record(admin::record_kind::interface);
    auto found = stored_->find_interface(what.interface);
    if (found.has_error())
        return failure{exit_code::database, found.error().text()};
    if (!*found)
        return failure{
            exit_code::no_objects_found, fmt::format("no interface '{}'", what.interface)};
    return without_bad_values(**std::move(found));
}

} // namespace iscsid::session

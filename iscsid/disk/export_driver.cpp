#include "iscsid/disk/export_driver.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/lane_seat.hpp"

#include <algorithm>
#include <bit>
#include <future>
#include <map>
#include <mutex>
#include <set>

namespace iscsid::disk {

namespace {

constexpr std::uint64_t largest_disk =
    (std::uint64_t{1} << 63U) - 1; // offsets are signed somewhere
// Of payload, for all clients of all LUNs: enough for two that each have all that one may have, and
// as much again is left.
constexpr std::size_t budget_of_a_lane = std::size_t{256} * 1024 * 1024;
// One small request of each client, so that they alone never make a LUN wait for other LUNs.
constexpr std::size_t always_of_a_lun = export_clients::most_clients * std::size_t{1024} * 1024 + 1;
constexpr std::uint32_t smallest_block = 512;
constexpr std::uint32_t largest_block = 64U * 1024;
constexpr std::uint32_t usual_preferred_block = 4096;

iscsi::fault unfit(std::string field, std::string got, std::string expected) {
    return {
        iscsi::to_error_code(disk_errc::attach_failed),
        std::move(field),
        std::move(got),
        std::move(expected)};
}

// The names of this daemon's own sockets: any other file is of a dead one.
class used_names {
  public:
    std::string take(const std::string& wanted) {
        const std::scoped_lock lock(guard_);
        std::string name = wanted;
        for (unsigned number = 2; !names_.insert(name).second; ++number)
            name = wanted + "-" + std::to_string(number);
        return name;
    }

    void give_back(const std::string& name) {
        const std::scoped_lock lock(guard_);
        names_.erase(name);
    }

  private:
    std::mutex guard_;
    std::set<std::string> names_;
};

// A name as long as this object lives.
class used_name {
  public:
    used_name(std::shared_ptr<used_names> all, const std::string& wanted)
        : all_(std::move(all)), name_(all_->take(wanted)) {}

    ~used_name() { all_->give_back(name_); }

    used_name(const used_name&) = delete;
    used_name& operator=(const used_name&) = delete;
    used_name(used_name&&) = delete;
    used_name& operator=(used_name&&) = delete;

    const std::string& text() const { return name_; }

  private:
    std::shared_ptr<used_names> all_;
    std::string name_;
};

// A visit to the lane for one flush.
class last_flush final : public lane::lane_resident, private lane::request_owner {
  public:
    void start(lane::ring& /*io*/, lane::lun_port& port) override {
        lane::block_request flush;
        flush.op = lane::operation::flush;
        port.submit(flush, *this);
    }

    void leave(std::function<void()> gone) override {
        gone_ = std::move(gone);
        leave_if_done();
    }

    std::future<int> error() { return error_.get_future(); }

  private:
    void complete(std::uint64_t /*tag*/, int error) override {
        error_.set_value(error);
        is_done_ = true;
        leave_if_done();
    }

    void leave_if_done() {
        if (is_done_ && gone_)
            std::exchange(gone_, {})();
    }

    std::promise<int> error_;
    std::function<void()> gone_;
    bool is_done_ = false;
};

iscsi::result<void>
flush(lane::lane& where, const disk_request& what, const export_patience& patience) {
    const auto visitor = std::make_shared<last_flush>();
    auto error = visitor->error();
    const lane_seat seat(where, what, visitor, std::chrono::milliseconds(0));
    const std::string expected = "all that was written on the medium";
    if (error.wait_for(patience.flush) != std::future_status::ready)
        return system_fault(disk_errc::flush_failed, "flush", expected, ETIMEDOUT);
    if (const int got = error.get(); got != 0)
        return system_fault(disk_errc::flush_failed, "flush", expected, got);
    return {};
}

class export_disk final : public disk {
  public:
    export_disk(
        lane::lane& where,
        disk_request what,
        std::unique_ptr<used_name> name,
        std::unique_ptr<export_server> server,
        const export_patience& patience
    )
        : lane_(where)
        , what_(std::move(what))
        , name_(std::move(name))
        , server_(std::move(server))
        , patience_(patience) {}

    ~export_disk() override {
        if (server_)
            static_cast<void>(without_exceptions([this] { return take_down(); }));
    }

    export_disk(const export_disk&) = delete;
    export_disk& operator=(const export_disk&) = delete;
    export_disk(export_disk&&) = delete;
    export_disk& operator=(export_disk&&) = delete;

    const std::string& node() const override { return no_node_; }

    iscsi::result<void> remove() override {
        if (!server_)
            return {};
        if (!server_->close_unless_used())
            return iscsi::fault{
                iscsi::to_error_code(disk_errc::busy), name_->text(), "a client is connected", {}};
        return without_exceptions([this] { return take_down(); });
    }

    void dismiss() override {
        if (server_)
            server_->dismiss();
    }

    iscsi::result<void> resize(const scsi::logical_unit& now) override {
        const auto shown = export_of(name_->text(), now);
        if (!shown)
            return shown.error();
        what_.properties = now;
        was_writable_ |= !now.read_only;
        server_->change(now, *shown);
        return {};
    }

    iscsi::result<void> set_read_only(const scsi::logical_unit& now) override {
        return resize(now);
    }

  private:
    iscsi::result<void> take_down() {
        const bool is_to_flush = server_->was_used() && was_writable_;
        server_.reset();
        name_.reset();
        return is_to_flush ? flush(lane_, what_, patience_) : iscsi::result<void>();
    }

    const std::string no_node_;
    lane::lane& lane_;
    disk_request what_;
    std::unique_ptr<used_name> name_; // free when the file is gone
    std::unique_ptr<export_server> server_;
    export_patience patience_;
    bool was_writable_ = !what_.properties.read_only;
};

class export_driver final : public driver {
  public:
    export_driver(
        std::string runtime_folder, const socket_access& access, const export_patience& patience
    )
        : folder_(std::move(runtime_folder) + "/nbd"), access_(access), patience_(patience) {
        remove_dead_sockets(folder_);
    }

    std::string_view name() const override { return "export"; }

    iscsi::result<std::unique_ptr<disk>>
    attach(lane::lane& where, const disk_request& what) override {
        return without_exceptions([&] { return put_up(where, what); });
    }

  private:
    iscsi::result<std::unique_ptr<disk>> put_up(lane::lane& where, const disk_request& what);
    iscsi::result<std::shared_ptr<export_loop>> loop();
    std::shared_ptr<byte_budget> budget_of(const lane::lane& where);

    std::string folder_;
    socket_access access_;
    export_patience patience_;
    std::shared_ptr<used_names> names_ = std::make_shared<used_names>();
    std::mutex guard_;
    std::weak_ptr<export_loop> loop_; // without a server there is none
    std::map<const lane::lane*, std::shared_ptr<byte_budget>> budgets_;
};

iscsi::result<std::shared_ptr<export_loop>> export_driver::loop() {
    const std::scoped_lock lock(guard_);
    if (auto running = loop_.lock())
        return running;
    auto made = export_loop::make();
    if (made)
        loop_ = *made;
    return made;
}

std::shared_ptr<byte_budget> export_driver::budget_of(const lane::lane& where) {
    const std::scoped_lock lock(guard_);
    auto& budget = budgets_[&where];
    if (!budget)
        budget = std::make_shared<byte_budget>(budget_of_a_lane, always_of_a_lun);
    return budget;
}

// Each step undoes itself when a later one fails.
iscsi::result<std::unique_ptr<disk>>
export_driver::put_up(lane::lane& where, const disk_request& what) {
    if (what.target_name.find('/') != std::string::npos)
        return unfit("target name", what.target_name, "one that a file can have");
    auto name = std::make_unique<used_name>(
        names_, what.target_name + "-lun-" + std::to_string(what.lun_number)
    );
    const auto shown = export_of(name->text(), what.properties);
    if (!shown)
        return shown.error();
    auto socket = export_socket::make(folder_, name->text() + ".sock", access_);
    if (!socket)
        return socket.error();
    auto shared = loop();
    if (!shared)
        return shared.error();
    const export_means means{*shared, patience_, std::make_shared<byte_share>(budget_of(where))};
    auto server = export_server::make(where, what, *shown, std::move(*socket), means);
    if (!server)
        return server.error();
    return std::make_unique<export_disk>(
        where, what, std::move(name), std::move(*server), patience_
    );
}

} // namespace

std::unique_ptr<driver> make_export_driver(
    std::string runtime_folder, const socket_access& access, const export_patience& patience
) {
    return std::make_unique<export_driver>(std::move(runtime_folder), access, patience);
}

// Every connection is of one session and one LUN, so a flush covers the writes of all. Flush and
// FUA are offered without a cache, too: a client hears of them only once, and a cache may be
// switched on later. They cost nothing as long as there is none.
iscsi::result<nbd_export> export_of(const std::string& name, const scsi::logical_unit& lun) {
    const std::uint32_t block = lun.block_size;
    if (block < smallest_block || block > largest_block || !std::has_single_bit(block))
        return unfit("logical block size", std::to_string(block), "a power of 2, 512 to 65536");
    if (lun.block_count == 0 || lun.block_count > largest_disk / block)
        return unfit(
            "block count", std::to_string(lun.block_count), "a disk of 1 block to 8 EiB - 1"
        );
    nbd_export shown;
    shown.name = name;
    shown.size = lun.size();
    shown.block_size = block;
    const auto physical = std::bit_floor(std::min(lun.physical_block_size, largest_block));
    shown.preferred_block_size = std::max({block, physical, usual_preferred_block});
    shown.read_only = lun.read_only;
    shown.can_flush = true;
    shown.can_fua = true;
    shown.can_trim = lun.can_unmap || lun.can_write_same_16_unmap || lun.can_write_same_10_unmap;
    shown.can_write_zeroes = true;
    shown.can_multi_conn = true;
    shown.rotational = lun.rotational;
    return shown;
}

} // namespace iscsid::disk

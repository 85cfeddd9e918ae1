#include "iscsid/device/lun_probe.hpp"

#include "iscsid/device/vital_product_data.hpp"
#include "iscsid/device/within.hpp"

#include "libiscsi/scsi/capacity.hpp"
#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/mode.hpp"

#include <array>
#include <bit>

namespace iscsid::device {

namespace {

using boost::asio::awaitable;
using iscsi::bytes_view;
using iscsi::result;

// A fault of a step: the session is lost.
using step = awaitable<result<finding>> (*)(command_runner&, scsi::logical_unit&);

// The unit has answered, but not with what was asked for.
finding refusal(const reply& from) {
    return {from.is_transient ? unit_kind::no_answer : unit_kind::unusable, from.why};
}

finding unusable(std::string why) {
    return {unit_kind::unusable, std::move(why)};
}

// ---- who it is ----------------------------------------------------------------------------------

// SPC-4 §6.6.2: qualifier 1 is a unit that could be there and is not connected, 3 is none at all.
// With type 1Fh both are how targets fill a LUN 0 that they must show and do not have.
finding what_it_is(const scsi::standard_inquiry& inquiry) {
    constexpr std::uint8_t not_connected = 1;
    constexpr std::uint8_t unknown_type = 0x1f;
    const auto qualifier = inquiry.peripheral_qualifier;
    const auto type = inquiry.peripheral_device_type;
    if (qualifier != 0) {
        const bool is_expected = qualifier == not_connected && type != unknown_type;
        return {
            is_expected ? unit_kind::unusable : unit_kind::no_disk,
            "no logical unit there (peripheral qualifier " + std::to_string(qualifier) + ")"};
    }
    if (type != scsi::direct_access_device)
        return {unit_kind::no_disk, std::string(scsi::name_of_device_type(type))};
    return {};
}

void take(const scsi::standard_inquiry& inquiry, scsi::logical_unit& disk) {
    disk.vendor = inquiry.vendor;
    disk.product = inquiry.product;
    disk.revision = inquiry.revision;
    disk.removable = inquiry.removable;
}

awaitable<result<finding>> inquire(command_runner& runner, probed_lun& probed) {
    constexpr std::uint16_t room = 36; // all that standard INQUIRY data must have, SPC-4 §6.6.2
    const auto asked = co_await runner.run(scsi::inquiry(room), room);
    if (!asked)
        co_return asked.error();
    if (!asked->good)
        co_return refusal(*asked);
    const auto inquiry = scsi::read_standard_inquiry(asked->data);
    if (!inquiry)
        co_return unusable(inquiry.error().text());
    take(*inquiry, probed.properties);
    probed.is_there = inquiry->peripheral_qualifier == 0;
    if (probed.is_there)
        probed.kind = scsi::name_of_device_type(inquiry->peripheral_device_type);
    co_return what_it_is(*inquiry);
}

// ---- is it ready --------------------------------------------------------------------------------

// Pending unit attentions end here; the runner swallows them.
awaitable<result<finding>> wait_until_ready(command_runner& runner) {
    const auto asked = co_await runner.run(scsi::test_unit_ready(), 0);
    if (!asked)
        co_return asked.error();
    co_return asked->good ? finding{} : refusal(*asked);
}

// ---- how large it is ----------------------------------------------------------------------------

constexpr bool is_usable_block_size(std::uint32_t size) {
    return size >= 512 && size <= 4096 && std::has_single_bit(size);
}

finding judge(const scsi::capacity& size) {
    if (size.needs_16)
        return unusable("larger than READ CAPACITY(10) can say, and READ CAPACITY(16) is refused");
    if (!is_usable_block_size(size.block_size))
        return unusable(
            "block size " + std::to_string(size.block_size) + " is not 512, 1024, 2048 or 4096"
        );
    if (size.protection_enabled)
        return unusable("formatted with protection information");
    if (size.block_count == 0)
        return unusable("no capacity");
    return {};
}

finding take(const result<scsi::capacity>& size, scsi::logical_unit& disk) {
    if (!size)
        return unusable(size.error().text());
    disk.block_count = size->block_count;
    disk.block_size = size->block_size;
    disk.physical_block_size = size->physical_block_size;
    disk.lowest_aligned_block = size->lowest_aligned_block;
    disk.thin = size->thin;
    disk.reads_zero_after_unmap = size->reads_zero_after_unmap;
    return judge(*size);
}

awaitable<result<finding>> read_small_capacity(command_runner& runner, scsi::logical_unit& disk) {
    constexpr std::size_t room = 8;
    const auto asked = co_await runner.run(scsi::read_capacity_10(), room);
    if (!asked)
        co_return asked.error();
    if (!asked->good)
        co_return refusal(*asked);
    co_return take(scsi::read_capacity_10_data(asked->data), disk);
}

// The 10-byte form is only for those that refuse the other one: it knows nothing of provisioning.
awaitable<result<finding>> read_capacity(command_runner& runner, scsi::logical_unit& disk) {
    constexpr std::uint32_t room = 32;
    const auto asked = co_await runner.run(scsi::read_capacity_16(room), room);
    if (!asked)
        co_return asked.error();
    if (asked->is_transient)
        co_return refusal(*asked);
    const auto size = scsi::read_capacity_16_data(asked->data);
    if (asked->good && size)
        co_return take(size, disk);
    auto by_10 = co_await read_small_capacity(runner, disk);
    if (asked->good && by_10 && by_10->is == unit_kind::unusable)
        co_return unusable(size.error().text()); // what it says of itself first
    co_return by_10;
}

// ---- how it writes ------------------------------------------------------------------------------

struct mode_question {
    scsi::cdb_field cdb;
    std::size_t room;
    result<scsi::mode_parameters> (*read)(bytes_view);
};

// Until one brings the caching page. Targets without that page may refuse it, but then still tell
// of write protection with all pages.
std::array<mode_question, 3> mode_questions() {
    constexpr std::uint8_t short_room = 192;
    constexpr std::uint16_t long_room = 512;
    return {
        mode_question{
            scsi::mode_sense_6(scsi::mode_page::caching, short_room),
            short_room,
            scsi::read_mode_6_data},
        mode_question{
            scsi::mode_sense_10(scsi::mode_page::caching, long_room),
            long_room,
            scsi::read_mode_10_data},
        mode_question{
            scsi::mode_sense_10(scsi::mode_page::all, long_room),
            long_room,
            scsi::read_mode_10_data}};
}

// Without a caching page a cache is assumed: a flush too many is safe, one too few is not.
void take(const scsi::mode_parameters& mode, scsi::logical_unit& disk) {
    disk.read_only = mode.write_protected;
    disk.dpofua = mode.dpofua;
    disk.write_cache_known = mode.write_cache_enabled.has_value();
    disk.write_cache_enabled = mode.write_cache_enabled.value_or(true);
}

awaitable<result<finding>> sense_mode(command_runner& runner, scsi::logical_unit& disk) {
    take(scsi::mode_parameters{}, disk);
    for (const auto& question : mode_questions()) {
        const auto asked = co_await runner.run(question.cdb, question.room);
        if (!asked)
            co_return asked.error();
        if (asked->is_transient) // whether it is read-only must not depend on how busy it is
            co_return refusal(*asked);
        const auto mode = question.read(asked->data);
        if (!asked->good || !mode)
            continue;
        take(*mode, disk);
        if (mode->write_cache_enabled)
            break;
    }
    co_return finding{};
}

// ---- one look -----------------------------------------------------------------------------------

constexpr std::array<step, 3> steps_of_a_ready_disk = {
    read_vital_product_data, read_capacity, sense_mode};

awaitable<result<finding>> become_ready(command_runner& runner, probed_lun& probed) {
    auto found = co_await inquire(runner, probed);
    if (!found || found->is != unit_kind::disk)
        co_return found;
    co_return co_await wait_until_ready(runner);
}

// False: the unit has said meanwhile that something has changed, and what was read may be old.
awaitable<result<bool>> look_once(command_runner& runner, probed_lun& probed) {
    probed = {};
    auto found = co_await become_ready(runner, probed);
    probed.looked_at = runner.clock().now();
    const unsigned attentions = runner.attentions();
    for (const step next : steps_of_a_ready_disk)
        if (found && found->is == unit_kind::disk)
            found = co_await next(runner, probed.properties);
    if (!found)
        co_return found.error();
    probed.what = std::move(*found);
    co_return runner.attentions() == attentions;
}

} // namespace

awaitable<result<void>> probe_lun(command_runner& runner, probed_lun& probed) {
    constexpr int most_looks = 4; // one that changes more often than that is left for later
    for (int looks = 0; looks < most_looks; ++looks) {
        const auto is_settled = co_await look_once(runner, probed);
        if (!is_settled)
            co_return is_settled.error();
        if (*is_settled)
            co_return result<void>();
    }
    probed.what = {unit_kind::no_answer, "it changes while it is looked at"};
    co_return result<void>();
}

awaitable<result<probed_lun>> probe_one(
    execute_function execute, iscsi::lun_field lun, scan_limits limits, const scan_clock& clock
) {
    command_runner runner(std::move(execute), limits.waiting, clock, lun);
    probed_lun probed;
    const auto ended = co_await within(limits.per_unit, clock, probe_lun(runner, probed));
    if (!ended)
        probed.what = {unit_kind::no_answer, runner.describe_wait(limits.per_unit)};
    else if (!*ended)
        co_return ended->error();
    co_return std::move(probed);
}

} // namespace iscsid::device

#include "iscsid/device/vital_product_data.hpp"

#include "libiscsi/scsi/inquiry.hpp"

#include <array>

namespace iscsid::device {

namespace {

using boost::asio::awaitable;
using iscsi::bytes_view;
using iscsi::result;

void take_serial(bytes_view data, scsi::logical_unit& disk) {
    if (const auto serial = scsi::read_unit_serial_number(data))
        disk.serial = *serial;
}

void take_wwid(bytes_view data, scsi::logical_unit& disk) {
    if (const auto wwid = scsi::read_wwid(data))
        disk.wwid = *wwid;
}

void take_limits(bytes_view data, scsi::logical_unit& disk) {
    const auto limits = scsi::read_block_limits(data);
    if (!limits)
        return;
    disk.max_transfer_blocks = limits->max_transfer_blocks;
    disk.optimal_transfer_blocks = limits->optimal_transfer_blocks;
    disk.max_unmap_blocks = limits->max_unmap_blocks;
    disk.max_unmap_descriptors = limits->max_unmap_descriptors;
    disk.unmap_granularity = limits->unmap_granularity;
    disk.unmap_alignment = limits->unmap_alignment;
    disk.max_write_same_blocks = limits->max_write_same_blocks;
    disk.write_same_non_zero = limits->write_same_non_zero;
}

void take_rotation(bytes_view data, scsi::logical_unit& disk) {
    if (const auto rotational = scsi::read_rotational(data))
        disk.rotational = *rotational;
}

void take_provisioning(bytes_view data, scsi::logical_unit& disk) {
    const auto provisioning = scsi::read_provisioning(data);
    if (!provisioning)
        return;
    disk.can_unmap = provisioning->can_unmap;
    disk.can_write_same_16_unmap = provisioning->can_write_same_16_unmap;
    disk.can_write_same_10_unmap = provisioning->can_write_same_10_unmap;
}

struct wanted_page {
    scsi::vpd_page page;
    void (*take)(bytes_view, scsi::logical_unit&);
};

constexpr std::array wanted_pages = {
    wanted_page{scsi::vpd_page::unit_serial_number, take_serial},
    wanted_page{scsi::vpd_page::device_identification, take_wwid},
    wanted_page{scsi::vpd_page::block_limits, take_limits},
    wanted_page{scsi::vpd_page::block_device_characteristics, take_rotation},
    wanted_page{scsi::vpd_page::logical_block_provisioning, take_provisioning},
};

// Once more only where the page itself says that it is longer: see scsi::first_inquiry_length.
// Should the longer question fail, what came first holds.
awaitable<result<reply>> ask_page(command_runner& runner, scsi::vpd_page page) {
    constexpr auto room = scsi::first_inquiry_length;
    auto first = co_await runner.run(scsi::inquiry_vpd(page, room), room);
    if (!first || !first->good)
        co_return first;
    const auto longer = scsi::longer_inquiry_length(first->data);
    if (!longer || first->data.size() < room)
        co_return first;
    auto second = co_await runner.run(scsi::inquiry_vpd(page, *longer), *longer);
    if (!second || second->is_transient)
        co_return second;
    const bool is_more = second->good && second->data.size() > first->data.size();
    co_return is_more ? std::move(second) : std::move(first);
}

// Without VPD 00 no page is asked for: old targets answer unknown pages with anything.
scsi::supported_pages pages_in(const reply& from) {
    const auto pages = scsi::read_supported_pages(from.data);
    return from.good && pages ? *pages : scsi::supported_pages{};
}

finding not_now(const reply& from) {
    return {unit_kind::no_answer, from.why};
}

} // namespace

awaitable<result<finding>>
read_vital_product_data(command_runner& runner, scsi::logical_unit& disk) {
    const auto listed = co_await ask_page(runner, scsi::vpd_page::supported_pages);
    if (!listed)
        co_return listed.error();
    if (listed->is_transient)
        co_return not_now(*listed);
    const auto pages = pages_in(*listed);
    for (const auto& wanted : wanted_pages) {
        if (!pages.has(wanted.page))
            continue;
        const auto asked = co_await ask_page(runner, wanted.page);
        if (!asked)
            co_return asked.error();
        if (asked->is_transient)
            co_return not_now(*asked);
        if (asked->good)
            wanted.take(asked->data, disk);
    }
    co_return finding{};
}

} // namespace iscsid::device

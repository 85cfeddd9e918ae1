#pragma once

#include "libiscsi/admin/record_file.hpp"
#include "libiscsi/base/result.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi::admin {

// A fault of the operating system: the path, and the words of errno.
// `what` says whether reading or writing failed: iscsiadm ends with the same code for both, the log
// does not.
fault system_fault(file_errc what, const std::filesystem::path& path, int error);

// The text of a file, or nothing when there is none. Anything but a regular file of at most
// longest_file bytes is a fault.
inline constexpr std::size_t longest_file = 1U << 20U;
// Links are followed: an administrator may keep a record elsewhere. What is read is one state of
// the file, for writers replace it and never change it.
result<std::optional<std::string>> read_file(const std::filesystem::path& file);

// Whether a symbolic link has this name, wherever it leads.
bool is_link(const std::filesystem::path& path);

// The names in a folder, sorted as strcmp does; none when there is no such folder. Names that
// start with a dot are our own (the lock, staged files) and left out.
// The order does not depend on the file system, because the order of records is seen by users and
// by tests.
result<std::vector<std::string>> list_folder(const std::filesystem::path& folder);

// The changes that the store makes on disk. One virtual function per step, so that a test can cut
// the power between any two of them. Faults: file_errc::write_failed with path and reason.
// The order of calls that makes a file: make_folder, sync_folder of the one above, write_file
// beside its place, move, sync_folder. Each returns only when its effect is as lasting as it can
// make it; what a crash may undo is the caller's next call.
class file_system {
  public:
    file_system() = default;
    file_system(const file_system&) = delete;
    file_system& operator=(const file_system&) = delete;
    virtual ~file_system() = default;

    // Creates the file (mode 0600) or empties it, writes the text and brings it to the disk.
    virtual result<void> write_file(const std::filesystem::path& file, std::string_view text);
    // The same, but for the disk: sync_file_system() brings it there.
    virtual result<void> write_unsynced(const std::filesystem::path& file, std::string_view text);
    // Brings everything to the disk that is on its way to the file system in which `path` is, names
    // as well: for many files far cheaper than each by itself, and as long as all of it takes.
    virtual result<void> sync_file_system(const std::filesystem::path& path);
    // Mode 0700; a folder that is there already is fine.
    virtual result<void> make_folder(const std::filesystem::path& folder);
    virtual result<void>
    make_link(const std::filesystem::path& link, const std::filesystem::path& to);
    // Replaces what has the name `to`, in one step.
    virtual result<void> move(const std::filesystem::path& from, const std::filesystem::path& to);
    // Brings names to the disk: without it a renamed file may be back under its old name after a
    // power cut.
    virtual result<void> sync_folder(const std::filesystem::path& folder);
    // A file that is not there is fine.
    virtual result<void> remove_file(const std::filesystem::path& file);
    // Only an empty folder; one that is not empty, or not there, is fine and stays as it is.
    virtual result<void> remove_folder(const std::filesystem::path& folder);
};

// The real one.
// It has no state, so all threads may share it.
file_system& real_files();

} // namespace iscsi::admin

#include "iscsid/compat/tree_files.hpp"

#include "iscsid/compat/errors.hpp"
#include "iscsid/os/descriptor.hpp"
#include "iscsid/os/system_fault.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace iscsid::compat {

namespace {

namespace fs = std::filesystem;

constexpr mode_t folder_mode = 0755;
constexpr mode_t file_mode = 0444;
constexpr mode_t secret_mode = 0400;
constexpr const char* staged = ".new"; // walks pass over hidden names

iscsi::fault fault_of(const fs::path& path) {
    const auto code = errno == EEXIST ? compat_errc::not_ours : compat_errc::write_failed;
    return os::system_fault(code, path.string());
}

bool write_text(const fs::path& path, const entry& what) {
    ::unlink(path.c_str());
    const mode_t mode = what.is_for_owner ? secret_mode : file_mode;
    const os::descriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    );
    return file && ::fchmod(file.number(), mode) == 0 && // whatever the umask is
           ::write(file.number(), what.text.data(), what.text.size()) ==
               static_cast<ssize_t>(what.text.size());
}

bool replace_text(const fs::path& path, const entry& what) {
    const auto beside = path.parent_path() / staged;
    return write_text(beside, what) && ::rename(beside.c_str(), path.c_str()) == 0;
}

bool make(const fs::path& path, const entry& what) {
    switch (what.is) {
    case entry::type::folder:
        return ::mkdir(path.c_str(), folder_mode) == 0 && ::chmod(path.c_str(), folder_mode) == 0;
    case entry::type::file:
        return replace_text(path, what);
    case entry::type::link:
        return ::symlink(what.text.c_str(), path.c_str()) == 0;
    }
    return false;
}

void remove(const fs::path& path, const entry& what) {
    if (what.is == entry::type::folder)
        ::rmdir(path.c_str());
    else
        ::unlink(path.c_str());
}

bool is_same_thing(const entry& one, const entry& other) {
    return one.is == other.is && (one.is == entry::type::file || one.text == other.text);
}

// What is not wanted, or not as it is. The last first, so that a folder is empty when its turn
// comes.
void remove_old(const fs::path& root, const tree& present, const tree& wanted) {
    std::for_each(present.rbegin(), present.rend(), [&](const auto& each) {
        const auto& [path, what] = each;
        const auto still = wanted.find(path);
        if (still == wanted.end() || !is_same_thing(what, still->second))
            remove(root / path, what);
    });
}

// All that may be there when one of the wanted could not be made.
tree made_before(tree::const_iterator failed, const tree& present, const tree& wanted) {
    tree made(wanted.begin(), failed);
    for (auto each = failed; each != wanted.end(); ++each)
        if (present.contains(each->first))
            made.insert(*each);
    return made;
}

} // namespace

iscsi::result<void> change_files(const fs::path& root, const tree& present, const tree& wanted) {
    remove_old(root, present, wanted);
    for (auto each = wanted.begin(); each != wanted.end(); ++each) {
        const auto& [path, what] = *each;
        const auto old = present.find(path);
        if ((old != present.end() && old->second == what) || make(root / path, what))
            continue;
        auto why = fault_of(root / path);
        remove_files(root, made_before(each, present, wanted));
        return why;
    }
    return {};
}

void remove_files(const fs::path& root, const tree& present) {
    remove_old(root, present, {});
}

} // namespace iscsid::compat

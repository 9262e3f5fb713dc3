"""What people type: pair files and notebook parameters, read strictly."""
